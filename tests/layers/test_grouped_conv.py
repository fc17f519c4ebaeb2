import time

import keras
import numpy as np
import pytest
from testing import array, assert_layer_works, frames

from tsm_tf.layers.grouped_conv import PART, GroupedConv2D


def by_groups(layer, x, groups):
    """Each group of channels with a convolution of its own."""
    kernel, bias = (array(v) for v in layer.weights)
    parts = [
        keras.ops.conv(part, part_kernel, layer.strides, padding=layer.padding)
        for part, part_kernel in zip(
            np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1), strict=True
        )
    ]
    return np.concatenate([array(part) for part in parts], axis=-1) + bias


@pytest.mark.parametrize(
    "channels, filters, groups, strides",
    [
        (4 * PART, 4 * PART, 32, 1),  # several groups per part
        (8 * PART, 4 * PART, 4, 2),  # a group is larger than a part
        (12, 24, 3, 1),  # all groups in one part
        (3 * PART, 3 * PART, 32, 2),
        (6, 6, 1, 1),
    ],
)
def test_each_group_sees_its_own_channels(channels, filters, groups, strides):
    layer = GroupedConv2D(filters, 3, strides, groups=groups, bias_initializer="normal")
    x = frames(2, 7, 6, channels)
    y = array(layer(x))
    assert layer.kernel.shape == (3, 3, channels // groups, filters)
    np.testing.assert_allclose(y, by_groups(layer, x, groups), rtol=0, atol=1e-4)


def test_works_everywhere(tmp_path):
    def layer(**kwargs):
        start = keras.initializers.Constant(0.02)  # draws differ between float types
        return GroupedConv2D(64, 3, padding="same", groups=16, kernel_initializer=start, **kwargs)

    assert_layer_works(layer, frames(2, 5, 4, 64), tmp_path)


def test_trains():
    layer = GroupedConv2D(64, 3, groups=16)
    model = keras.Sequential([keras.Input((5, 4, 64)), layer])
    model.compile("sgd", "mse")
    before = array(layer.kernel).copy()
    model.fit(frames(2, 5, 4, 64), np.ones((2, 3, 2, 64)), verbose=0)
    assert np.all(array(layer.kernel) != before)


def test_its_gradient_takes_no_longer_than_that_of_a_dense_convolution():
    """Left to XLA, it takes 100 times as long."""
    times = {}
    x, target = frames(4, 14, 14, 256), frames(4, 14, 14, 256, seed=1)
    for kind, groups in ((GroupedConv2D, 32), (keras.layers.Conv2D, 1)):
        model = keras.Sequential(
            [keras.Input(x.shape[1:]), kind(256, 3, padding="same", groups=groups)]
        )
        model.compile("sgd", "mse")
        model.train_on_batch(x, target)
        begin = time.perf_counter()
        for _ in range(3):
            model.train_on_batch(x, target)
        times[groups] = time.perf_counter() - begin
    assert times[32] < 5 * times[1], times
