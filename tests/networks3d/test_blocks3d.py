"""Tests `tsm_tf.networks3d.blocks`."""

import keras
import numpy as np
from testing import array, frames

from tsm_tf.networks3d.blocks import batch_norm3d, conv3d, conv_bn_relu3d, max_pool3d


def test_layers_have_pytorch_constants():
    x = keras.Input((4, 8, 8, 3))
    norm = keras.Model(x, batch_norm3d("norm", x)).get_layer("norm")
    assert (norm.epsilon, norm.momentum) == (1e-5, 0.9)
    norm = keras.Model(x, batch_norm3d("norm", x, 1e-3)).get_layer("norm")
    assert norm.epsilon == 1e-3
    conv = keras.Model(x, conv3d("conv", x, 64, (3, 1, 1))).get_layer("conv")
    assert not conv.use_bias
    assert abs(np.std(conv.kernel) - (2 / (3 * 64)) ** 0.5) < 0.01


def test_shapes_and_the_order_of_layers():
    x = keras.Input((8, 17, 16, 3))
    y = conv_bn_relu3d("conv1", "bn1", "relu", x, 4, (5, 7, 7), (2, 2, 2))
    y = max_pool3d("maxpool", y, (1, 3, 3), (2, 2, 2), (0, 1, 1))
    assert y.shape == (None, 2, 5, 4, 4)
    model = keras.Model(x, y)
    assert [layer.name for layer in model.layers[1:]] == ["conv1", "bn1", "relu", "maxpool"]
    assert array(model(frames(1, 8, 17, 16, 3))).min() >= 0
