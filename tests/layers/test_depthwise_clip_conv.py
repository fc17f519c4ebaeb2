import keras
import numpy as np
import pytest
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv

CASES = {
    "clip": ((3, 3, 3), (1, 1, 1)),
    "strided clip": ((3, 3, 3), (2, 2, 2)),
    "frames": ((1, 5, 3), (1, 2, 2)),
    "pixels": ((5, 1, 1), (1, 1, 1)),
}


def by_hand(x, kernel, strides):
    """One output position at a time."""
    sizes = kernel.shape[:3]
    padded = np.pad(x, ((0, 0), *((size // 2, size // 2) for size in sizes), (0, 0)))
    counts = [(n - 1) // s + 1 for n, s in zip(x.shape[1:4], strides, strict=True)]
    out = np.zeros((len(x), *counts, x.shape[-1]))
    for t, y, z in np.ndindex(*counts):
        starts = np.multiply((t, y, z), strides)
        window = tuple(slice(a, a + n) for a, n in zip(starts, sizes, strict=True))
        out[:, t, y, z] = np.einsum("bthwc,thwc->bc", padded[(slice(None), *window)], kernel)
    return out


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_by_hand(kernel_size, strides):
    x = frames(2, 5, 6, 7, 3)
    layer = DepthwiseClipConv(kernel_size, strides)
    found = array(layer(x))
    expected = by_hand(x, array(layer.kernel)[:, :, :, 0], strides)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.compute_output_shape((None, None, 6, 7, 3))[1] is None


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_a_training_step_moves_the_weights(kernel_size, strides):
    model = keras.Sequential([keras.Input((5, 6, 7, 3)), DepthwiseClipConv(kernel_size, strides)])
    before = array(model.layers[0].kernel).copy()
    model.compile("sgd", "mse")
    model.train_on_batch(frames(2, 5, 6, 7, 3), np.ones((2, *model.output_shape[1:])))
    assert np.all(array(model.layers[0].kernel) != before)


def test_works_everywhere(tmp_path):
    def make_layer(**options):
        return DepthwiseWithWeights((3, 3, 3), (2, 1, 1), **options)

    assert_layer_works(make_layer, frames(2, 5, 6, 7, 3), tmp_path)


@keras.saving.register_keras_serializable(package="tests")
class DepthwiseWithWeights(DepthwiseClipConv):
    """The same weights in all types."""

    def build(self, input_shape):
        super().build(input_shape)
        self.kernel.assign(frames(*self.kernel.shape) / 10)


def test_refuses_even_kernels_and_other_strides():
    with refuses("kernel_size", "odd", "(3, 2, 3)"):
        DepthwiseClipConv((3, 2, 3))
    with refuses("strides", "equal over height and width", "(1, 2, 1)"):
        DepthwiseClipConv((3, 3, 3), (1, 2, 1))
