"""MobileNetV2 (Sandler et al.), the paper's backbone for devices (sections 5.2.2 and 5.6)."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import batch_norm, conv, depthwise_conv, round_channels
from tsm_tf.layers.site import SHIFT, Site
from tsm_tf.spec import ModelSpec

STAGES = (
    # expansion, channels, blocks, strides of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_STEM, _LAST = 32, 1280
_PUBLISHED_WIDTHS = (1.0, 0.35, 0.5, 0.75, 1.3, 1.4)
_FIRST_KERNEL = "features.0.0.weight"


def mobilenet_v2(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_7"`, and `"features"` with 1280 channels (more for a width above 1).
    """
    shift_numbers = itertools.count()
    x = conv("features_0_0", frames, round_channels(_STEM * spec.width), 3, 2)
    x = _norm_relu("features_0", 1, x)

    outputs, index = {}, 1
    for stage, (expansion, channels, num_blocks, first_strides) in enumerate(STAGES, 1):
        for block in range(num_blocks):
            filters = round_channels(channels * spec.width)
            strides = first_strides if block == 0 else 1
            x = _block(f"features_{index}", x, expansion, filters, strides, shift_numbers)
            index += 1
        outputs[f"stage_{stage}"] = x

    x = conv(f"features_{index}_0", x, round_channels(_LAST * max(1.0, spec.width)), 1)
    return {**outputs, "features": _norm_relu(f"features_{index}", 1, x)}


def _block(
    name: str,
    x: Any,
    expansion: int,
    filters: int,
    strides: int,
    shift_numbers: Iterator[int],
) -> Any:
    """Applies an inverted residual block.

    The official code shifts in blocks that add their input, except the one without expansion.
    """
    identity, inputs = x, x.shape[-1]
    adds = strides == 1 and inputs == filters
    if adds and expansion > 1:
        x = Site(SHIFT, name=f"shift_{next(shift_numbers):02d}")(x)

    number, prefix = 0, f"{name}_conv"
    if expansion > 1:
        x = _norm_relu(prefix, 1, conv(f"{prefix}_0", x, inputs * expansion, 1))
        number = 3
    x = _norm_relu(prefix, number + 1, depthwise_conv(f"{prefix}_{number}", x, strides))
    x = conv(f"{prefix}_{number + 3}", x, filters, 1)
    x = batch_norm(f"{prefix}_{number + 4}", x)
    return keras.layers.Add(name=name)([identity, x]) if adds else x


def _norm_relu(prefix: str, number: int, x: Any) -> Any:
    x = batch_norm(f"{prefix}_{number}", x)
    return keras.layers.ReLU(max_value=6.0, name=f"{prefix}_{number + 1}")(x)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width, and `"channels"`, those of a frame; None if it is another network.
    """
    last = "features.17.conv.6.weight"
    if last not in shapes or _FIRST_KERNEL not in shapes:
        return None
    for width in _PUBLISHED_WIDTHS:
        if shapes[last][0] == round_channels(STAGES[-1][1] * width):
            channels = shapes[_FIRST_KERNEL][1]
            return {"backbone": "mobilenet_v2", "width": width, "channels": channels}
    return None
