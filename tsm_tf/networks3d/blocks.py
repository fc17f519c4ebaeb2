"""PyTorch's 3D convolution, batch norm and pooling as Keras layers, for networks of clips.

As in `tsm_tf.backbones.blocks`, layers have the official names with `_` for `.`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from tsm_tf.backbones.blocks import BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM
from tsm_tf.layers.clip_conv import ClipConv
from tsm_tf.layers.clip_pool import ClipPool

Size = tuple[int, int, int]
"""Time, height and width."""


def conv3d(
    name: str,
    x: Any,
    filters: int,
    kernel_size: Size,
    strides: Size = (1, 1, 1),
    use_bias: bool = False,
) -> Any:
    """Applies a convolution to clips, padded by `kernel_size // 2` on each side, also of time."""
    return ClipConv(
        filters,
        kernel_size,
        strides,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, mode="fan_out", distribution="untruncated_normal"
        ),
        name=name,
    )(x)


def batch_norm3d(name: str, x: Any, epsilon: float = BATCH_NORM_EPSILON) -> Any:
    """Applies a batch norm with PyTorch's constants, over time as well as space."""
    return keras.layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM,
        epsilon=epsilon,
        name=name,
    )(x)


def conv_bn_relu3d(
    conv_name: str,
    norm_name: str,
    relu_name: str,
    x: Any,
    filters: int,
    kernel_size: Size,
    strides: Size = (1, 1, 1),
    epsilon: float = BATCH_NORM_EPSILON,
) -> Any:
    """Applies a convolution without bias, a batch norm, and ReLU."""
    x = batch_norm3d(norm_name, conv3d(conv_name, x, filters, kernel_size, strides), epsilon)
    return keras.layers.ReLU(name=relu_name)(x)


def max_pool3d(
    name: str,
    x: Any,
    pool_size: Size,
    strides: Size,
    padding: Size = (0, 0, 0),
) -> Any:
    """Takes the maximum over windows of values that are not negative, such as after a ReLU."""
    return ClipPool("max", pool_size, strides, padding, name=name)(x)


def block_weights(pattern: str, counts: Sequence[int]) -> set[str]:
    """Returns the official names of one weight in all blocks.

    Args:
        pattern: such as `"layer{stage}.{block}.conv2.weight"`; stages count from 1, blocks from 0.
        counts: blocks per stage.
    """
    return {
        pattern.format(stage=stage, block=block)
        for stage, count in enumerate(counts, 1)
        for block in range(count)
    }


def four_stages(
    x: Any,
    counts: Sequence[int],
    channels: int,
    block: Callable[[str, Any, int, Size], Any],
) -> dict[str, Any]:
    """Applies stages of blocks, each with twice the filters and half of all sizes, time included.

    Args:
        x: output of the stem.
        counts: blocks per stage.
        channels: filters of the first stage.
        block: `block(name, x, filters, strides)` applies a block.

    Returns:
        `"stage_1"` and so on, and `"features"`, the output of the last stage.
    """
    outputs = {}
    for stage, num_blocks in enumerate(counts, 1):
        for index in range(num_blocks):
            strides = (2, 2, 2) if stage > 1 and index == 0 else (1, 1, 1)
            x = block(f"layer{stage}_{index}", x, channels * 2 ** (stage - 1), strides)
        outputs[f"stage_{stage}"] = x
    return {**outputs, "features": x}
