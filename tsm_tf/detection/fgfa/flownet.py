"""FlowNet-S (Dosovitskiy et al. 2015) in the form of FGFA: flow at the stride of the features."""

from typing import Any

import keras

from tsm_tf.backbones.blocks import conv
from tsm_tf.errors import InputError

FULL_WIDTH = 64
"""Channels of the first convolution in the original."""

STRIDES = (8, 16)
_SLOPE = 0.1  # of the leaky ReLUs
_FLOW_UNIT = 20  # FlowNet's output is in units of 20 pixels of its input, as it was pretrained

# name, kernel, stride, channels relative to the first convolution
_ENCODER = (
    ("flow_conv1", 7, 2, 1),
    ("flow_conv2", 5, 2, 2),
    ("flow_conv3", 5, 2, 4),
    ("flow_conv3_1", 3, 1, 4),
    ("flow_conv4", 3, 2, 8),
    ("flow_conv4_1", 3, 1, 8),
    ("flow_conv5", 3, 2, 8),
    ("flow_conv5_1", 3, 1, 8),
    ("flow_conv6", 3, 2, 16),
    ("flow_conv6_1", 3, 1, 16),
)

# names of a deconvolution and of that of the flow, the encoder layer they join, relative channels
_DECODER = (
    ("flow_deconv5", "flow_upsample_flow6to5", "flow_conv5_1", 8),
    ("flow_deconv4", "flow_upsample_flow5to4", "flow_conv4_1", 4),
    ("flow_deconv3", "flow_upsample_flow4to3", "flow_conv3_1", 2),
    ("flow_deconv2", "flow_upsample_flow3to2", "flow_conv2", 1),
)


def build_flownet(
    height: int,
    width: int,
    stride: int = 16,
    channels: int = FULL_WIDTH,
    name: str = "flownet",
) -> keras.Model:
    """Builds FlowNet-S.

    Layers have the names of the official code with `flow_` before each. Both images are joined and
    halved; the decoder ends at a stride of 8 pixels of the original images. Its last map is halved
    once more for a stride of 16. The official factor on the output turns FlowNet's unit into pixels
    of the features. It is 2.5 for a stride of 16, and 5 for a stride of 8.

    Args:
        height: rows of the images, in pixels.
        width: columns of the images, in pixels.
        stride: pixels of the images per pixel of the flow, 8 or 16.
        channels: outputs of the first convolution, 64 in the original (38.7 M parameters). All
            others are in proportion: 8 makes a network that trains on a CPU.
        name: name of the model.

    Returns:
        A model with two inputs, the current images and the others, `[N, height, width, 3]`, RGB
        with the mean subtracted and divided by 255. It returns the flow from the current to the
        other images, `[N, ceil(height / stride), ceil(width / stride), 2]`, x and y in pixels of
        that map.

    Raises:
        InputError: an unknown stride.
    """
    if stride not in STRIDES:
        raise InputError("stride", f"must be one of {STRIDES}", stride)
    current = keras.Input((height, width, 3), name="current")
    other = keras.Input((height, width, 3), name="other")
    x = keras.layers.Concatenate(name="flow_pair")([current, other])
    x = _halve("flow_resize_data", x)

    encoded = {}
    for layer, kernel, layer_stride, share in _ENCODER:
        x = conv(layer, x, channels * share, kernel, layer_stride, use_bias=True)
        encoded[layer] = x = _leaky(layer, x)

    for number, (deconv, upsample, skip, share) in enumerate(_DECODER, start=1):
        flow = _predict_flow(f"flow_Convolution{number}", x)
        larger = _leaky(deconv, _double(deconv, x, channels * share, encoded[skip]))
        flow = _double(upsample, flow, 2, encoded[skip])
        x = keras.layers.Concatenate(name=f"flow_Concat{number + 1}")([encoded[skip], larger, flow])

    if stride == 16:
        x = _halve("flow_resize_concat5", x)
    flow = _predict_flow("flow_Convolution5", x)
    flow = keras.layers.Rescaling(2 * _FLOW_UNIT / stride, name="flow", dtype="float32")(flow)
    return keras.Model([current, other], flow, name=name)


def _halve(name: str, x: Any) -> Any:
    """Averages 2 x 2 pixels; a border of odd maps is the mean of the pixels that exist."""
    return keras.layers.AveragePooling2D(2, padding="same", name=name)(x)


def _predict_flow(name: str, x: Any) -> Any:
    """Predicts x and y; a new network starts near zero."""
    return keras.layers.Conv2D(
        2,
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        name=name,
    )(x)


def _double(name: str, x: Any, filters: int, like: Any) -> Any:
    """Doubles the size by a deconvolution, cropped at offset 1 to the size of `like`."""
    x = keras.layers.Conv2DTranspose(
        filters,
        4,
        2,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    ends = [size - 1 - other for size, other in zip(x.shape[1:3], like.shape[1:3], strict=True)]
    return keras.layers.Cropping2D(((1, ends[0]), (1, ends[1])), name=f"{name}_crop")(x)


def _leaky(name: str, x: Any) -> Any:
    return keras.layers.LeakyReLU(_SLOPE, name=f"{name}_relu")(x)
