"""Writes a checkpoint and its logits, or reads one and compares the logits.

    python tests/backends.py write|read DIR

`make test-backends` runs it with each of Keras' backends.
"""

import pathlib
import sys

import keras
import numpy as np
from testing import array, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_checkpoint, retrofit, save_checkpoint
from tsm_tf.evaluation.stream.logits import keras_step


def models():
    spec = ModelSpec(num_classes=5, num_segments=4, input_size=64, width=0.35)
    network = keras.applications.MobileNetV3Small(weights=None, input_shape=(64, 64, 3), classes=5)
    return {
        "own": build_model(spec),
        "retrofitted": retrofit(with_weights(network), 4, "unidirectional"),
    }


def check_stream(model, x):
    """Frame by frame, as `tsm_tf.evaluation` runs a model, the logits are those of the clip."""
    step = keras_step(model, len(x))
    found = np.stack([step(x[:, t]) for t in range(x.shape[1])], axis=1)
    expected = array(model.per_frame(x.shape[1])(x, training=False))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def main(task, folder):
    x = video_frames(2, 4, 64, 64, 3)
    for name in ("own", "retrofitted"):
        if task == "write":
            model = models()[name]
            if name == "own":
                with_weights(model)
            model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            model.fit(x, np.array([1, 2]), verbose=0)  # so that no value follows from a seed
            save_checkpoint(model, folder / name)
            np.save(folder / f"{name}.npy", array(model(x, training=False)))
        else:
            logits = array(load_checkpoint(folder / name)(x, training=False))
            expected = np.load(folder / f"{name}.npy")
            np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-4)
            check_stream(load_checkpoint(folder / name), x)
            print(f"{keras.backend.backend()}: {name} within {np.abs(logits - expected).max():.1e}")
    if keras.backend.backend() != "tensorflow":
        assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
