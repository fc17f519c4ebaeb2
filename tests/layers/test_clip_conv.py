import keras
import pytest
from convolutions import assert_computes, assert_step_moves_the_kernel, convolve
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


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_by_hand(kernel_size, strides):
    x = frames(2, 5, 6, 7, 3)
    layer = ClipConv(4, kernel_size, strides, bias_initializer="random_normal")
    layer.build(x.shape)
    expected = convolve(x, array(layer.kernel), strides) + array(layer.bias)
    for layer.over_frames in (False, True):
        assert_computes(layer, x, expected)


@pytest.mark.parametrize(("kernel_size", "strides"), CASES.values(), ids=CASES)
def test_a_training_step_moves_the_weights(kernel_size, strides):
    assert_step_moves_the_kernel(ClipConv(4, kernel_size, strides))


@pytest.mark.parametrize("case", ["every second frame", "some pixels"])
def test_works_everywhere(case, tmp_path):
    def make_layer(**options):  # with one value for all types; `test_by_hand` has distinct ones
        values = keras.initializers.Constant(0.1)
        return ClipConv(4, *CASES[case], kernel_initializer=values, **options)

    assert_layer_works(make_layer, frames(2, 5, 6, 7, 3), tmp_path)


def test_refuses_an_even_kernel():
    with refuses("kernel_size", "odd", "(2, 1, 1)"):
        ClipConv(4, (2, 1, 1))
