"""Turns the last strides of a 2D network into dilation, for denser feature maps."""

from collections.abc import Sequence
from typing import Any

import keras

from tsm_tf.errors import InputError
from tsm_tf.models.graph import calls, forget, replay

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def dilated(model: keras.Model, stride: int) -> keras.Model:
    """Returns a network whose feature maps have at most a given stride.

    Strides beyond it become 1, and the kernels behind them are dilated instead (Chen et al.,
    DeepLab). So, with the same weights, each of the original's features is still there: they are
    every second row and column of the new maps, or every fourth.

    The layers are those of the given model, whose strides are changed. It must not be used any
    more.

    Args:
        model: a functional model of frames `[B, H, W, C]`.
        stride: pixels per cell, a power of 2.

    Raises:
        InputError: beyond the stride, a layer other than a convolution looks at several cells.
    """
    strides = {id(x): 1 for x in model.inputs}  # of the original network
    producers = {}
    for node in calls(model):
        before = max((strides[id(x)] for x in node.input_tensors), default=1)
        after = before * _stride(node.operation)
        if after > stride:
            sources = [producers.get(id(x)) for x in node.input_tensors]
            _dilate(node.operation, max(1, before // stride), sources)
        for x in node.outputs:
            strides[id(x)], producers[id(x)] = after, node.operation

    frames = keras.Input(model.inputs[0].shape[1:], name=model.inputs[0].name)
    forget(model)
    return keras.Model(frames, replay(model, frames), name=model.name)


def _stride(layer: Any) -> int:
    stride = getattr(layer, "strides", 1)
    return stride[0] if isinstance(stride, (tuple, list)) else stride


def _dilate(layer: Any, dilation: int, sources: Sequence[Any]) -> None:
    """Removes a layer's stride, and dilates what it looks at.

    Args:
        layer: the layer.
        dilation: that of its inputs.
        sources: the layers that computed its inputs.
    """
    if isinstance(layer, _CONVOLUTIONS):
        layer.strides = (1, 1)
        if max(layer.kernel_size) == 1:
            return
        layer.dilation_rate = (dilation * layer.dilation_rate[0],) * 2
        for source in sources:
            if isinstance(source, keras.layers.ZeroPadding2D) and layer.padding == "valid":
                source.padding = tuple(map(_pad, source.padding, layer.kernel_size, [dilation] * 2))
    elif hasattr(layer, "pool_size") or hasattr(layer, "kernel_size"):
        rule = f"must have no other layer than convolutions where it is dilated; has {layer.name}"
        raise InputError("backbone", rule, type(layer).__name__)


def _pad(sides: tuple[int, int], kernel_size: int, dilation: int) -> tuple[int, int]:
    """Returns the padding that keeps the size; what it has before the first cell is dilated."""
    before = dilation * sides[0]
    return before, dilation * (kernel_size - 1) - before
