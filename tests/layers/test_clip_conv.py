import keras
import numpy as np
import pytest
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.clip_conv import ClipConv

CASES = {
    # what is computed: (kernel, strides)
    "frames": ((1, 3, 3), (1, 1, 1)),
    "every second frame": ((1, 3, 3), (2, 2, 2)),
    "frames in stripes": ((1, 3, 1), (1, 2, 1)),
    "shortcut": ((1, 1, 1), (2, 2, 2)),
    "pixels": ((3, 1, 1), (1, 1, 1)),
    "some pixels": ((7, 1, 1), (4, 2, 1)),
    "clip": ((3, 3, 3), (1, 1, 1)),
    "strided clip": ((5, 7, 3), (2, 1, 2)),
}


def by_hand(x, kernel, bias, strides):
    """One output position at a time."""
    sizes = kernel.shape[:3]
    padded = np.pad(x, ((0, 0), *((size // 2, size // 2) for size in sizes), (0, 0)))
    counts = [(n - 1) // s + 1 for n, s in zip(x.shape[1:4], strides, strict=True)]
    out = np.zeros((len(x), *counts, kernel.shape[-1]))
    for t, y, z in np.ndindex(*counts):
        starts = np.multiply((t, y, z), strides)
        window = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
        out[:, t, y, z] = np.einsum("bthwi,thwio->bo", padded[(slice(None), *window)], kernel)
    return out + bias


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_by_hand(kernel_size, strides):
    x = frames(2, 5, 6, 7, 3)
    layer = ClipConv(4, kernel_size, strides, bias_initializer="random_normal")
    found = array(layer(x))
    expected = by_hand(x, array(layer.kernel), array(layer.bias), strides)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    layer.over_frames = True
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 6, 7, 3))[1] is None


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_a_training_step_moves_the_weights(kernel_size, strides):
    model = keras.Sequential([keras.Input((5, 6, 7, 3)), ClipConv(4, kernel_size, strides)])
    before = array(model.layers[0].kernel).copy()
    model.compile("sgd", "mse")
    model.train_on_batch(frames(2, 5, 6, 7, 3), np.ones((2, *model.output_shape[1:])))
    assert np.all(array(model.layers[0].kernel) != before)


@pytest.mark.parametrize("case", ["every second frame", "some pixels"])
def test_works_everywhere(case, tmp_path):
    def make_layer(**options):  # with one value for all types; `test_by_hand` has distinct ones
        values = keras.initializers.Constant(0.1)
        return ClipConv(4, *CASES[case], kernel_initializer=values, **options)

    assert_layer_works(make_layer, frames(2, 5, 6, 7, 3), tmp_path)


def test_refuses_an_even_kernel():
    with refuses("kernel_size", "odd", "(2, 1, 1)"):
        ClipConv(4, (2, 1, 1))
