"""Residual blocks (He et al.), with the layers' names of PyTorch's ResNets."""

from collections.abc import Iterator
from typing import Any

import keras

from tsm_tf.backbones.blocks import BATCH_NORM_EPSILON, batch_norm, conv
from tsm_tf.layers.site import SHIFT, Site

Kernel = tuple[int, int, int, int]
"""Filters, size, strides and groups of a convolution."""


def residual_block(
    name: str,
    x: Any,
    kernels: tuple[Kernel, ...],
    shift_numbers: Iterator[int] | None,
    epsilon: float = BATCH_NORM_EPSILON,
) -> Any:
    """Applies a residual block, with a site for a shift in its branch if there are numbers.

    Args:
        name: prefix of its layers' names.
        x: feature maps.
        kernels: the convolutions of the branch.
        shift_numbers: numbers of the sites, in the order of the network; None: no site.
        epsilon: that of the batch norms.
    """
    identity, outputs = x, kernels[-1][0]
    strides = max(strides for _, _, strides, _ in kernels)
    if strides > 1 or identity.shape[-1] != outputs:
        identity = conv(f"{name}_downsample_0", identity, outputs, 1, strides)
        identity = batch_norm(f"{name}_downsample_1", identity, epsilon)

    if shift_numbers is not None:
        x = Site(SHIFT, name=f"shift_{next(shift_numbers):02d}")(x)
    for i, kernel in enumerate(kernels[:-1], 1):
        names = (f"{name}_conv{i}", f"{name}_bn{i}", f"{name}_relu{i}")
        x = conv_bn_relu(*names, x, kernel, epsilon)
    last = len(kernels)
    x = batch_norm(f"{name}_bn{last}", conv(f"{name}_conv{last}", x, *kernels[-1]), epsilon)

    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def conv_bn_relu(
    conv_name: str,
    norm_name: str,
    relu_name: str,
    x: Any,
    kernel: Kernel,
    epsilon: float = BATCH_NORM_EPSILON,
) -> Any:
    """Applies a convolution, a batch norm and a ReLU."""
    x = batch_norm(norm_name, conv(conv_name, x, *kernel), epsilon)
    return keras.layers.ReLU(name=relu_name)(x)
