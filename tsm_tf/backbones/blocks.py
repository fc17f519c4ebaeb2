"""What the backbones share: how a layer comes by its name, and PyTorch's convolution as Keras layers.

A backbone is a function of the frames and of three callables, which make the same code the clip network, the
streaming network and the plain 2D one:

- `make(layer_class, name, **config)` gives the layer of that name: a new one, or the one of an existing model;
- `shift(x)` moves channels along time: a `TemporalShift`, a swap with a cache, or nothing;
- `after(name, x)` is called behind the block or stage `name`, where a network may put more (non-local blocks, pooling).

Names are the official checkpoint's (`layer1.0.conv1`), so that weights need no table to be found.
"""

from collections.abc import Callable
from typing import NamedTuple

import keras

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9  # PyTorch's 0.1; Keras' default of 0.99 needs a thousand steps before validation means much


class Hooks(NamedTuple):
    """How a backbone makes layers, shifts, and is extended: see the module."""

    make: Callable
    shift: Callable
    after: Callable
    in_place: bool = False

    def enter_block(self, x):
        """Returns what the identity and the residual branch of a block see (Fig. 3: in-place or residual shift)."""
        shifted = self.shift(x)
        return (shifted if self.in_place else x), shifted


def conv(hooks: Hooks, name: str, x, filters: int, kernel_size: int, strides: int = 1):
    """A convolution without bias, padded by `kernel_size // 2` on every side as PyTorch does."""
    x, padding = _pad(hooks, name, x, kernel_size, strides)
    initializer = keras.initializers.VarianceScaling(2.0, mode="fan_out", distribution="untruncated_normal")
    config = {"padding": padding, "use_bias": False, "kernel_initializer": initializer}
    return hooks.make(keras.layers.Conv2D, name, filters=filters, kernel_size=kernel_size, strides=strides, **config)(x)


def depthwise_conv(hooks: Hooks, name: str, x, strides: int = 1):
    """A 3x3 depthwise convolution without bias, padded by 1 on every side."""
    x, padding = _pad(hooks, name, x, 3, strides)
    # Each output has 3x3 inputs; Keras' fan-out would count all channels.
    initializer = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)
    config = {"padding": padding, "use_bias": False, "depthwise_initializer": initializer}
    return hooks.make(keras.layers.DepthwiseConv2D, name, kernel_size=3, strides=strides, **config)(x)


def _pad(hooks, name, x, kernel_size, strides):
    """TensorFlow's SAME is symmetric at stride 1 only; elsewhere the padding is a layer of its own."""
    if kernel_size == 1 or strides == 1:
        return x, "same"
    return hooks.make(keras.layers.ZeroPadding2D, f"{name}.pad", padding=kernel_size // 2)(x), "valid"


def batch_norm(hooks: Hooks, name: str, x, zero: bool = False):
    """A batch norm with PyTorch's constants; `zero` starts its scale at 0."""
    config = {"momentum": BATCH_NORM_MOMENTUM, "epsilon": BATCH_NORM_EPSILON}
    scale = "zeros" if zero else "ones"
    return hooks.make(keras.layers.BatchNormalization, name, gamma_initializer=scale, **config)(x)
