"""Recognises gestures on a board with numpy, OpenCV and a TFLite interpreter; no TensorFlow.

pip install '.[live]'
python examples/raspberry_pi.py exported/mobilenet_v2_online_int8.tflite          # the camera
python examples/raspberry_pi.py exported/mobilenet_v2_online_int8.tflite a.mp4    # a file
"""

import sys
import time

import cv2
import numpy as np

from export.runtime import StreamRunner
from tsm_tf.data.crops import eval_frame


def frames(source, fps):
    """Yields RGB frames from a camera's number or a file, at about the model's rate."""
    capture = cv2.VideoCapture(source)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not a queue of old ones
    if not capture.isOpened():
        sys.exit(f"cannot open {source}")
    every = max(1, round(capture.get(cv2.CAP_PROP_FPS) / fps)) if fps else 2
    number = 0
    while capture.grab():
        if number % every == 0:
            yield np.ascontiguousarray(capture.retrieve()[1][..., ::-1])
        number += 1


def main(model, source=0):
    runner = StreamRunner(model, num_threads=2)
    average, shown, seconds = np.zeros(runner.spec.num_classes), None, []
    for frame in frames(source, runner.spec.fps):
        started = time.monotonic()
        logits = runner.step(eval_frame(frame, runner.spec))
        seconds.append(time.monotonic() - started)

        average = 0.8 * average + 0.2 * logits
        label = runner.labels[average.argmax()]
        if label != shown:
            shown = label
            print(f"{label}   ({1000 * np.median(seconds[-100:]):.1f} ms per frame)", flush=True)
    print(f"{len(seconds)} frames")


if __name__ == "__main__":
    main(*sys.argv[1:])
