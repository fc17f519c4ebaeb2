"""PyTorch's convolution and batch norm as Keras layers, for backbones that match official checkpoints.

Layers have the official names with `_` for `.` (`layer1_0_conv1`; PyTorch takes no dots in Keras' names), so that
weights need no table to be found.
"""

import keras

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = (
    0.9  # PyTorch's 0.1; Keras' default of 0.99 needs a thousand steps before validation means much
)


def conv(name: str, x, filters: int, kernel_size: int, strides: int = 1):
    """A convolution without bias, padded by `kernel_size // 2` on every side as PyTorch does."""
    x, padding = _pad(name, x, kernel_size, strides)
    initializer = keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )
    options = {
        "padding": padding,
        "use_bias": False,
        "kernel_initializer": initializer,
        "name": name,
    }
    return keras.layers.Conv2D(filters, kernel_size, strides, **options)(x)


def depthwise_conv(name: str, x, strides: int = 1):
    """A 3x3 depthwise convolution without bias, padded by 1 on every side."""
    x, padding = _pad(name, x, 3, strides)
    # Each output has 3x3 inputs; Keras' fan-out would count all channels.
    initializer = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)
    options = {
        "padding": padding,
        "use_bias": False,
        "depthwise_initializer": initializer,
        "name": name,
    }
    return keras.layers.DepthwiseConv2D(3, strides, **options)(x)


def _pad(name, x, kernel_size, strides):
    """TensorFlow's SAME is symmetric at stride 1 only; elsewhere the padding is a layer of its own."""
    if kernel_size == 1 or strides == 1:
        return x, "same"
    return keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x), "valid"


def batch_norm(name: str, x):
    """A batch norm with PyTorch's constants."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, epsilon=BATCH_NORM_EPSILON, name=name
    )(x)
