import keras
import numpy as np
import pytest
from fgfa import golden
from testing import array, assert_layer_works, frames

from tsm_tf.detection.fgfa.warp import Warp


@pytest.mark.parametrize("kind", ["features", "embeddings"])
def test_golden(kind):
    found = array(Warp()([golden(kind), golden("flow")]))
    np.testing.assert_allclose(found, golden(f"warped_{kind}"), atol=1e-5)


def test_whole_pixels_move_and_what_lies_outside_is_zero():
    maps = frames(1, 3, 4, 2)
    flow = np.zeros((1, 3, 4, 2), np.float32)
    flow[..., 0], flow[..., 1] = 2, -1
    expected = np.zeros_like(maps)
    expected[:, 1:, :2] = maps[:, :2, 2:]
    np.testing.assert_array_equal(array(Warp()([maps, flow])), expected)


def test_half_a_pixel_beyond_the_border_is_half_zero():
    maps = frames(1, 2, 3, 1)
    flow = np.zeros((1, 2, 3, 2), np.float32)
    flow[..., 0] = 0.5
    right = np.pad(maps, ((0, 0), (0, 0), (0, 1), (0, 0)))[:, :, 1:]
    found = array(Warp()([maps, flow]))
    np.testing.assert_allclose(found, (maps + right) / 2, atol=1e-6)


def test_flow_far_outside_reads_zeros():
    maps = frames(2, 3, 4, 2)
    for value in (1e9, -1e9):
        found = array(Warp()([maps, np.full((2, 3, 4, 2), value, np.float32)]))
        np.testing.assert_array_equal(found, 0)


def test_training_moves_the_flow_towards_the_match():
    """The gradient with respect to the flow is that of bilinear interpolation."""
    ramp = np.tile(np.arange(8, dtype=np.float32)[None, None, :, None], (1, 4, 1, 1))
    bias = keras.layers.Dense(2, kernel_initializer="zeros", name="flow")
    inputs = keras.Input((4, 8, 1))
    model = keras.Model(inputs, Warp()([inputs, bias(inputs)])[:, 1:3, 2:5])
    bias.kernel.trainable = False
    model.compile(keras.optimizers.SGD(0.2), "mse")
    for _ in range(60):
        model.train_on_batch(ramp, ramp[:, 1:3, 2:5] + 1.5)
    np.testing.assert_allclose(array(bias.bias), [1.5, 0], atol=1e-2)


def test_works_everywhere(tmp_path):
    def make_layer(**options):
        return WarpByConstantFlow(frames(2, 3, 4, 2, seed=1), **options)

    assert_layer_works(make_layer, frames(2, 3, 4, 5), tmp_path)


@keras.saving.register_keras_serializable(package="tests")
class WarpByConstantFlow(Warp):
    def __init__(self, flow, **kwargs):
        super().__init__(**kwargs)
        self.flow = np.asarray(flow, np.float32)

    def call(self, inputs):
        return super().call([inputs, keras.ops.convert_to_tensor(self.flow)])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "flow": self.flow.tolist()}
