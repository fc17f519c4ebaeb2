"""Recognises gestures on a board with numpy, OpenCV and a TFLite interpreter; no TensorFlow.

pip install '.[live]'
python examples/raspberry_pi.py exported/mobilenet_v2_online_int8.tflite          # the camera
python examples/raspberry_pi.py exported/mobilenet_v2_online_int8.tflite a.mp4    # a file
"""

import sys
import time

import cv2
import numpy as np

from export.live.events import EventDecoder
from export.runtime import StreamRunner
from tsm_tf.data.crops import eval_frame


def frames(source, fps):
    """Yields times and RGB frames from a camera's number or a file, at about the model's rate."""
    capture = cv2.VideoCapture(source)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest frame, not a queue of old ones
    if not capture.isOpened():
        sys.exit(f"cannot open {source}")
    rate = capture.get(cv2.CAP_PROP_FPS) or 30
    every = max(1, round(rate / fps)) if fps else 2
    number = 0
    while capture.grab():
        if number % every == 0:
            seconds = number / rate if isinstance(source, str) else time.monotonic()
            yield seconds, np.ascontiguousarray(capture.retrieve()[1][..., ::-1])
        number += 1


def main(model, source=0):
    runner = StreamRunner(model, num_threads=2)
    decoder = EventDecoder.of(runner.spec)
    took = []
    for seconds, frame in frames(source, runner.spec.fps):
        started = time.monotonic()
        events = decoder.step(runner.step(eval_frame(frame, runner.spec)), seconds)
        took.append(time.monotonic() - started)

        for event in events:  # each gesture once, when it is recognised
            print(f"{event.label}   ({event.probability:.0%})", flush=True)
    print(f"{len(took)} frames, {1000 * np.median(took):.1f} ms per frame")


if __name__ == "__main__":
    main(*sys.argv[1:])
