import keras
import numpy as np
import pytest
from convolutions import assert_computes, assert_step_moves_the_kernel, convolve
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv

CASES = {
    "clip": ((3, 3, 3), (1, 1, 1)),
    "strided clip": ((3, 3, 3), (2, 2, 2)),
    "frames": ((1, 5, 3), (1, 2, 2)),
    "pixels": ((5, 1, 1), (1, 1, 1)),
}


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_by_hand(kernel_size, strides):
    x = frames(2, 5, 6, 7, 3)
    layer = DepthwiseClipConv(kernel_size, strides)
    layer.build(x.shape)
    on_diagonal = array(layer.kernel) * np.eye(3)  # [t, h, w, 1, 3] to [t, h, w, 3, 3]
    assert_computes(layer, x, convolve(x, on_diagonal, strides))


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_a_training_step_moves_the_weights(kernel_size, strides):
    assert_step_moves_the_kernel(DepthwiseClipConv(kernel_size, strides))


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
