import keras
import pytest
from keras import layers, ops

from tsm_tf import NonLocal
from tsm_tf.analysis.cost import model_cost
from tsm_tf.analysis.layer_cost import multiply_adds
from tsm_tf.layers.correlation import Correlation
from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv
from tsm_tf.layers.site import Site

IMAGE = (8, 8, 4)
BY_HAND = {
    # name: (input, layer, multiply-adds, parameters)
    "stride and groups": (
        IMAGE,
        layers.Conv2D(6, 3, 2, "same", groups=2),
        4 * 4 * 6 * (3 * 3 * 2),
        3 * 3 * 2 * 6 + 6,
    ),
    "dilation": (
        IMAGE,
        layers.Conv2D(5, 3, dilation_rate=2, use_bias=False),
        4 * 4 * 5 * (3 * 3 * 4),
        3 * 3 * 4 * 5,
    ),
    "depthwise": (
        IMAGE,
        layers.DepthwiseConv2D(3, 2, "same", 2),
        4 * 4 * 8 * (3 * 3),
        3 * 3 * 8 + 8,
    ),
    "separable": (
        IMAGE,
        layers.SeparableConv2D(5, 3, depth_multiplier=2),
        6 * 6 * 8 * 9 + 6 * 6 * 8 * 5,
        9 * 8 + 8 * 5 + 5,
    ),
    "transposed": (
        IMAGE,
        layers.Conv2DTranspose(5, 3, 2, "same"),
        8 * 8 * 4 * (3 * 3 * 5),
        3 * 3 * 4 * 5 + 5,
    ),
    "dense": (IMAGE, layers.Dense(7), 8 * 8 * 4 * 7, 4 * 7 + 7),
    "einsum dense": (IMAGE, layers.EinsumDense("abcd,de->abce", (8, 8, 7)), 8 * 8 * 4 * 7, 4 * 7),
    "1d": ((9, 4), layers.Conv1D(5, 3, 2), 4 * 5 * (3 * 4), 3 * 4 * 5 + 5),
    "3d": (
        (4, 5, 6, 2),
        layers.Conv3D(3, (3, 1, 2)),
        2 * 5 * 5 * 3 * (3 * 1 * 2 * 2),
        3 * 1 * 2 * 2 * 3 + 3,
    ),
    "depthwise over clips": (
        (4, 5, 6, 2),
        DepthwiseClipConv((3, 1, 1), (2, 1, 1)),
        2 * 5 * 6 * 2 * 3,
        3 * 2,
    ),
    "correlation": (
        (4, 5, 6, 2),
        Correlation(2, 3),
        2 * (4 * 5 * 6 * 2) * 9,
        2 * 4 * 9,
    ),
    "batch norm": (IMAGE, layers.BatchNormalization(), 0, 4 + 4),
    "frozen": (IMAGE, layers.BatchNormalization(trainable=False), 0, 4 + 4),
    "pooling": (IMAGE, layers.AveragePooling2D(2), 0, 0),
    "a site": (IMAGE, Site("shift"), 0, 0),
}


def functional(shape, *chain):
    inputs = x = keras.Input(shape)
    for layer in chain:
        x = layer(x)
    return keras.Model(inputs, x)


@pytest.mark.parametrize("name", BY_HAND)
def test_layers_by_hand(name):
    shape, layer, expected, parameters = BY_HAND[name]
    cost = model_cost(functional(shape, layer))
    assert cost.total("multiply_adds") == expected
    assert cost.total("parameters") == parameters
    assert cost.uncounted == []


def test_products_of_two_tensors():
    x, y = keras.Input((5, 4)), keras.Input((4, 3))
    product = ops.einsum("bik,bkj->bij", x, ops.matmul(ops.transpose(x, (0, 2, 1)), x))
    cost = model_cost(keras.Model([x, y], [x @ y, product]))
    assert sorted(c.multiply_adds for c in cost.layers) == [0, 5 * 4 * 3, 4 * 5 * 4, 5 * 4 * 4]


def test_unknown_shapes_are_not_guessed():
    layer = layers.Dense(7)
    layer.build((None, 4))
    assert multiply_adds(layer, [(2, 4)], (2, 7)) == 2 * 4 * 7
    assert multiply_adds(layer, [(None, 4)], (None, 7)) is None
    assert multiply_adds(layers.ReLU(), [(None, 4)], (None, 4)) == 0


def test_non_local_block_and_rows_that_are_the_frames_of_a_clip():
    cost = model_cost(functional((4, 4, 6), NonLocal(2)))
    positions, keys = 2 * 4 * 4, 2 * 2 * 2
    assert cost.total("multiply_adds") == 4 * positions * 6 * 3 + 2 * positions * keys * 3
    assert (cost.frames, cost.cache_bytes) == (2, None)
