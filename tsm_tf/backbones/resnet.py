"""ResNet v1.5 (He et al.; the stride is in the 3x3 convolution), the paper's main backbone.

Also ResNeXt (Xie et al., "Aggregated Residual Transformations"; the paper's Tables 3 and 5), which
is a ResNet with grouped 3x3 convolutions, as in torchvision.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.residual import Kernel, conv_bn_relu, residual_block
from tsm_tf.layers.site import NON_LOCAL, SHIFT, TEMPORAL_POOL, Site
from tsm_tf.spec import ModelSpec

STAGES = {
    # name: (block, blocks per stage, groups of the 3x3 convolution, its width in stage 1)
    "resnet18": ("basic", (2, 2, 2, 2), 1, 64),
    "resnet34": ("basic", (3, 4, 6, 3), 1, 64),
    "resnet50": ("bottleneck", (3, 4, 6, 3), 1, 64),
    "resnet101": ("bottleneck", (3, 4, 23, 3), 1, 64),
    "resnet152": ("bottleneck", (3, 8, 36, 3), 1, 64),
    "resnext50_32x4d": ("bottleneck", (3, 4, 6, 3), 32, 128),
    "resnext101_32x4d": ("bottleneck", (3, 4, 23, 3), 32, 128),
}

_EXPANSION = {"basic": 1, "bottleneck": 4}
_DEEP_STAGE = 23  # with this many blocks in stage 3, the official code shifts every second block
_NON_LOCAL_AFTER = {"layer2_0", "layer2_2", "layer3_0", "layer3_2", "layer3_4"}
_FIRST_KERNEL = "conv1.weight"


def resnet(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 512 or
        2048 channels.
    """
    stages = STAGES[spec.backbone][1]
    shift_numbers = itertools.count()
    x = conv_bn_relu("conv1", "bn1", "relu", frames, (64, 7, 2, 1))
    x = keras.layers.ZeroPadding2D(1, name="maxpool_pad")(x)  # after a ReLU, zero is the minimum
    x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)

    outputs = {}
    for stage, num_blocks in enumerate(stages, 1):
        for index in range(num_blocks):
            name = f"layer{stage}_{index}"
            place = shift_place(spec, index, stages[2])
            if place == "block":
                x = Site(SHIFT, name=f"shift_{next(shift_numbers):02d}")(x)
            strides = 2 if stage > 1 and index == 0 else 1
            in_branch = shift_numbers if place == "blockres" else None
            x = residual_block(name, x, _kernels(spec.backbone, stage, strides), in_branch)
            if name in _NON_LOCAL_AFTER:
                x = Site(NON_LOCAL, name=f"{name}_nl")(x)
        outputs[f"stage_{stage}"] = x
        if stage == 1:
            x = Site(TEMPORAL_POOL, name="temporal_pool")(x)
    return {**outputs, "features": x}


def shift_place(spec: ModelSpec, index: int, num_blocks: int) -> str | None:
    """Returns where the official code shifts in a block: `"block"`, `"blockres"` or nowhere.

    Args:
        spec: gives the place.
        index: the block's index in its stage.
        num_blocks: blocks in stage 3.
    """
    is_deep = num_blocks >= _DEEP_STAGE
    if spec.shift_place == "blockres" and is_deep and index % 2:
        return None
    return spec.shift_place


def _kernels(backbone: str, stage: int, strides: int) -> tuple[Kernel, ...]:
    """Returns the convolutions of a block's branch."""
    kind, _, groups, width = STAGES[backbone]
    scale = 2 ** (stage - 1)
    inner, outer = scale * width, scale * 64 * _EXPANSION[kind]
    if kind == "basic":
        return ((inner, 3, strides, groups), (outer, 3, 1, groups))
    return ((inner, 1, 1, 1), (inner, 3, strides, groups), (outer, 1, 1, 1))


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, and `"channels"`, those of a frame; None if it is another network.
    """
    if len(shapes.get(_FIRST_KERNEL, ())) != 4:
        return None
    kind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
    stages = tuple(
        len({name.split(".")[1] for name in shapes if name.startswith(f"layer{stage}.")})
        for stage in (1, 2, 3, 4)
    )
    width, inputs, *_ = shapes["layer1.0.conv2.weight"]
    groups = width // inputs
    for backbone, structure in STAGES.items():
        if structure == (kind, stages, groups, width):
            return {"backbone": backbone, "channels": shapes[_FIRST_KERNEL][1]}
    return None
