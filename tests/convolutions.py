"""Assertions that the tests of 3D convolutions share."""

import keras
import numpy as np
from testing import array, frames


def convolve(x, kernel, strides):
    """Convolves clips with a kernel `[t, h, w, in, out]`, one output position at a time."""
    sizes = kernel.shape[:3]
    padded = np.pad(x, ((0, 0), *((size // 2, size // 2) for size in sizes), (0, 0)))
    counts = [(n - 1) // s + 1 for n, s in zip(x.shape[1:4], strides, strict=True)]
    out = np.zeros((len(x), *counts, kernel.shape[-1]))
    for t, y, z in np.ndindex(*counts):
        starts = np.multiply((t, y, z), strides)
        window = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
        out[:, t, y, z] = np.einsum("bthwi,thwio->bo", padded[(slice(None), *window)], kernel)
    return out


def assert_computes(layer, x, expected):
    """Checks what a layer computes from clips, and the shapes that it says it will have."""
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.compute_output_shape((None, None, *x.shape[2:]))[1] is None


def assert_step_moves_the_kernel(layer):
    """Checks that a training step moves every value of the kernel."""
    model = keras.Sequential([keras.Input((5, 6, 7, 3)), layer])
    before = array(layer.kernel).copy()
    model.compile("sgd", "mse")
    model.train_on_batch(frames(2, 5, 6, 7, 3), np.ones((2, *model.output_shape[1:])))
    assert np.all(array(layer.kernel) != before)
