"""Numbers of the original implementations, which `tests/golden/DETECTION.md` explains.

Boxes there have inclusive corners. The functions below return half-open boxes.
"""

import functools
import pathlib

import keras
import numpy as np

FILE = pathlib.Path(__file__).parent / "golden" / "detection.npz"


@functools.cache
def golden():
    with np.load(FILE) as arrays:
        return dict(arrays)


def half_open(boxes):
    """Returns boxes `[..., 4]` or `[..., 8]` with half-open corners."""
    return boxes + np.tile(np.array([0, 0, 1, 1], boxes.dtype), boxes.shape[-1] // 4)


def tensors(*arrays):
    return [keras.ops.convert_to_tensor(x) for x in arrays]


def gradient(function, values):
    """Returns the gradient of a scalar function: what SGD with rate 1 subtracts, in any backend."""

    class Function(keras.layers.Layer):
        def build(self, _):
            self.values = self.add_weight(values.shape, initializer="zeros", name="values")

        def call(self, _):
            return keras.ops.reshape(function(keras.ops.convert_to_tensor(self.values)), (1, 1))

    layer = Function()
    model = keras.Sequential([keras.Input((1,)), layer])
    layer.values.assign(values)
    model.compile(keras.optimizers.SGD(1.0), lambda _, output: keras.ops.mean(output))
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    return values - keras.ops.convert_to_numpy(layer.values)
