"""Streams a video through a checkpoint in plain Keras, one frame at a time.

python examples/stream_in_keras.py runs/tsm video.mp4
"""

import os
import sys

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # faster on many processors

import av
import keras
import numpy as np

import tsm_tf
from tsm_tf.data.crops import eval_frame


def frames(path, spec):
    """Yields frames at the model's rate as `uint8 [1, size, size, 3]`, resized and cropped."""
    next_time = 0.0
    with av.open(path) as video:
        for frame in video.decode(video=0):
            if spec.fps and frame.time < next_time:
                continue
            next_time += 1 / spec.fps if spec.fps else 0
            yield eval_frame(frame.to_ndarray(format="rgb24"), spec)[None]


def main(checkpoint, path):
    model = tsm_tf.load_checkpoint(checkpoint)
    spec = model.spec
    labels = spec.labels or [str(i) for i in range(spec.num_classes)]
    stream = model.stream()
    state = stream.initial_state(batch_size=1)

    recent = []
    for number, image in enumerate(frames(path, spec)):
        image = keras.ops.convert_to_tensor(image, "float32")
        outputs = stream({"image": image, **state}, training=False)
        logits = outputs.pop("logits")
        state = outputs  # everything else is the input of the next step

        recent = [*recent, keras.ops.convert_to_numpy(logits[0])][-spec.num_segments :]
        average = np.mean(recent, axis=0)
        print(f"frame {number}: {labels[average.argmax()]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
