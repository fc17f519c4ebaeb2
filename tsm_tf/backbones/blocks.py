"""PyTorch's convolution and batch norm as Keras layers, for backbones that load official weights.

Layers have the official names with `_` for `.` (`layer1_0_conv1`; Keras' names take no dots), so
that loading weights needs no table of names.
"""

from typing import Any

import keras

from tsm_tf.layers.grouped_conv import GroupedConv2D

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9
"""PyTorch's 0.1. With Keras' default of 0.99, validation means little for a thousand steps."""


def round_channels(channels: float, divisor: int = 8) -> int:
    """Returns a number of channels rounded by the rule of the MobileNets.

    That is the nearest multiple of `divisor`, at least `divisor` and at least 90% of `channels`.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def conv(
    name: str,
    x: Any,
    filters: int,
    kernel_size: int,
    strides: int = 1,
    groups: int = 1,
    use_bias: bool = False,
) -> Any:
    """Applies a convolution that is padded by `kernel_size // 2` on each side."""
    x, padding = _pad(name, x, kernel_size, strides)
    kind = GroupedConv2D if groups > 1 else keras.layers.Conv2D
    return kind(
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name=name,
    )(x)


def depthwise_conv(name: str, x: Any, strides: int = 1) -> Any:
    """Applies a 3x3 depthwise convolution without bias, padded by 1 on each side."""
    x, padding = _pad(name, x, 3, strides)
    return keras.layers.DepthwiseConv2D(
        3,
        strides,
        padding=padding,
        use_bias=False,
        # Each output has 3x3 inputs; fan-out in Keras would count all channels.
        depthwise_initializer=keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5),
        name=name,
    )(x)


def _pad(name: str, x: Any, kernel_size: int, strides: int) -> tuple[Any, str]:
    """Pads where TensorFlow's SAME padding is not symmetric, which is where the stride is not 1."""
    if kernel_size == 1 or strides == 1:
        return x, "same"
    return keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"


def batch_norm(name: str, x: Any, epsilon: float = BATCH_NORM_EPSILON) -> Any:
    """Applies a batch norm with PyTorch's constants, or another epsilon."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=epsilon,
        name=name,
    )(x)
