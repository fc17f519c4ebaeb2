"""Writes checkpoints and their logits, or reads them and compares the logits.

    python tests/backends.py write|read DIR [NAME ...]

`make test-backends` runs it with each of Keras' backends. The models are a small one of each family
of networks, and a retrofitted one; or only those that are named.
"""

import pathlib
import sys

import keras
import numpy as np
from every_network import family_specs, inputs_of
from testing import array
from weights import with_weights

from tsm_tf import build_model, load_checkpoint, retrofit, save_checkpoint
from tsm_tf.models.frame_step import keras_step

RETROFITTED = "retrofitted"


def make(name):
    if name == RETROFITTED:
        network = keras.applications.MobileNetV3Small(
            weights=None, input_shape=(64, 64, 3), classes=3
        )
        return retrofit(with_weights(network), 4, "unidirectional")
    return with_weights(build_model(family_specs()[name]))


def check_stream(model, x):
    """Frame by frame, as `tsm_tf.evaluation` runs a model, the logits are those of the clip."""
    step = keras_step(model, len(x))
    found = np.stack([step(x[:, t]) for t in range(x.shape[1])], axis=1)
    expected = array(model.per_frame(x.shape[1])(x, training=False))
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(found / scale, expected / scale, rtol=1e-4, atol=1e-4)


def write(name, folder):
    """Trains a model for a step, so that no value follows from a seed, and writes it."""
    model = make(name)
    model.compile(
        keras.optimizers.SGD(1e-3, clipnorm=1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # JAX compiles X3D's step for longer than a minute
    )
    x = inputs_of(model.spec)
    # A bias in front of a batch norm has no gradient.
    variables = [v for v in model.trainable_variables if v.name != "bias"]
    before = [array(variable).copy() for variable in variables]
    model.fit(x, np.array([1, 2]), verbose=0)
    pairs = zip(variables, before, strict=True)
    assert np.mean([np.any(array(variable) != value) for variable, value in pairs]) > 0.9
    save_checkpoint(model, folder / name)
    np.save(folder / f"{name}.npy", array(model(x, training=False)))


def read(name, folder):
    """Compares the logits of the model in a checkpoint with those that were written."""
    model = load_checkpoint(folder / name)
    x = inputs_of(model.spec)
    logits, expected = array(model(x, training=False)), np.load(folder / f"{name}.npy")
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(logits / scale, expected / scale, rtol=1e-5, atol=1e-4)
    if model.spec.shift_mode == "unidirectional" and model.spec.consensus == "average":
        check_stream(model, x)
    print(f"{keras.backend.backend()}: {name} within {np.abs(logits - expected).max():.1e}")


def main(task, folder, *names):
    for name in names or (*family_specs(), RETROFITTED):
        {"write": write, "read": read}[task](name, pathlib.Path(folder))
    if keras.backend.backend() != "tensorflow":
        assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main(*sys.argv[1:])
