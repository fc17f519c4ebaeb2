import keras
import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.correlation import Correlation


def by_hand(x, filters, groups, dilation):
    """The formula in tests/golden/NETWORKS.md, one value at a time."""
    batch, time, height, width, channels = x.shape
    size, members = filters.shape[-1], channels // groups
    out = np.zeros((batch, time, height, width, size * size * groups))
    for b, t, y, z, ky, kx, g in np.ndindex(batch, time, height, width, size, size, groups):
        top, left = y + dilation * (ky - size // 2), z + dilation * (kx - size // 2)
        if 0 <= top < height and 0 <= left < width:
            own = slice(g * members, (g + 1) * members)
            products = (
                filters[own, t, ky, kx] * x[b, max(t - 1, 0), y, z, own] * x[b, t, top, left, own]
            )
            out[b, t, y, z, (size * ky + kx) * groups + g] = products.mean()
    return out


def test_by_hand():
    x = frames(2, 3, 4, 5, 6)
    layer = Correlation(groups=3, filter_size=3, dilation=2)
    layer.build(x.shape)
    layer.filter_weight.assign(frames(6, 3, 3, 3, seed=1))
    found = array(layer(x))
    expected = by_hand(x, array(layer.filter_weight), 3, 2)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_a_training_step_moves_the_weights():
    model = keras.Sequential([keras.Input((3, 5, 6, 4)), Correlation(2, 3)])
    before = array(model.layers[0].filter_weight).copy()
    model.compile("sgd", "mse")
    model.train_on_batch(frames(2, 3, 5, 6, 4), np.ones((2, 3, 5, 6, 18)))
    assert np.all(array(model.layers[0].filter_weight) != before)


def test_works_everywhere(tmp_path):
    def make_layer(**options):
        return CorrelationWithWeights(2, 3, **options)

    assert_layer_works(make_layer, frames(2, 3, 5, 6, 4), tmp_path)


@keras.saving.register_keras_serializable(package="tests")
class CorrelationWithWeights(Correlation):
    """The same weights in all types."""

    def build(self, input_shape):
        super().build(input_shape)
        self.filter_weight.assign(frames(*self.filter_weight.shape, seed=1) / 10)


def test_refuses_what_has_no_middle_and_no_groups():
    with refuses("filter_size", "odd", "4"):
        Correlation(filter_size=4)
    with refuses("groups", "divide the number of channels, 6", "4"):
        Correlation(groups=4).build((None, 3, 5, 6, 6))
