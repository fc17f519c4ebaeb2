"""Turns the last strides of a 2D network into dilation, for denser feature maps."""

import math
from typing import Any

import keras

from tsm_tf.errors import InputError
from tsm_tf.layers.grouped_conv import GroupedConv2D
from tsm_tf.models.graph import call_again, replay

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, GroupedConv2D)


def dilated(model: keras.Model, stride: int) -> keras.Model:
    """Returns a new network whose feature maps have at most a given stride.

    Strides beyond it become 1, and the kernels behind them are dilated instead (Chen et al.,
    DeepLab), so that with the same weights each of the original's features is still there: they are
    every second row and column of the new maps, or every fourth.

    The network has new layers with the same names and shapes of weights, and fresh weights.

    Args:
        model: a functional model from frames to a dict of feature maps.
        stride: pixels per cell, a power of 2.

    Raises:
        InputError: beyond the stride, a layer other than a convolution looks at several cells.
    """
    strides = {id(x): 1 for x in model.inputs}  # of the original network
    layers = {}

    def change(node, values):
        layer = node.operation
        before = max(strides[id(x)] for x in node.input_tensors)
        after = before * _stride(layer)
        strides.update((id(x), after) for x in node.outputs)
        if not isinstance(layer, keras.layers.Layer):
            return call_again(node, values)
        if layer not in layers:
            layers[layer] = _new_layer(layer, math.ceil(before / stride), after > stride)
        args, kwargs = node.arguments.fill_in(values)
        return layers[layer](*args, **kwargs)

    frames = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    return keras.Model(frames, replay(model, frames, change), name=model.name)


def _stride(layer: Any) -> int:
    stride = getattr(layer, "strides", 1)
    return stride[0] if isinstance(stride, tuple) else stride


def _new_layer(layer: keras.layers.Layer, dilation: int, is_beyond: bool) -> keras.layers.Layer:
    """Returns a copy of a layer with fresh weights.

    Args:
        layer: the original.
        dilation: that of its inputs.
        is_beyond: whether the original's outputs have a larger stride than the new network's.
    """
    config = layer.get_config()
    if isinstance(layer, keras.layers.ZeroPadding2D):
        padding = [[dilation * size for size in pair] for pair in layer.padding]
        config["padding"] = padding
    elif isinstance(layer, _CONVOLUTIONS):
        if is_beyond:
            config["strides"] = 1
        if max(layer.kernel_size) > 1:
            config["dilation_rate"] = dilation * layer.dilation_rate[0]
    elif _looks_around(layer) and (dilation > 1 or (is_beyond and _stride(layer) > 1)):
        rule = f"must have no other layer than convolutions where it is dilated; has {layer.name}"
        raise InputError("backbone", rule, type(layer).__name__)
    return type(layer).from_config(config)


def _looks_around(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer sees more than one cell of its inputs, in each place."""
    return hasattr(layer, "pool_size") or hasattr(layer, "kernel_size")
