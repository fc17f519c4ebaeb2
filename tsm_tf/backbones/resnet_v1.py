"""ResNet v1 (He et al.), with the stride in a block's first 1x1 convolution; and a small one.

The paper's detection (section 6) builds on FGFA's code, which has this form: epsilon 2e-5, a max
pooling that rounds up, and no other stride in stage 4 than the one that becomes dilation.
"""

import itertools
from typing import Any

import keras

from tsm_tf.backbones.residual import Kernel, conv_bn_relu, residual_block
from tsm_tf.backbones.resnet import shift_place
from tsm_tf.layers.site import SHIFT, Site
from tsm_tf.spec import ModelSpec

BLOCKS = {"resnet50_v1": (3, 4, 6, 3), "resnet101_v1": (3, 4, 23, 3)}
SMALL = ((24, 2), (48, 3), (64, 3))  # filters and blocks of each stage
_SMALL_STEM = 16
_EPSILON = 2e-5


def resnet_v1(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 2048
        channels.
    """
    x = conv_bn_relu("conv1", "bn1", "relu", frames, (64, 7, 2, 1), _EPSILON)
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name="maxpool_pad")(x)  # ReLU: 0 is least
    x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)

    blocks = BLOCKS[spec.backbone]
    stages = []
    for stage, num_blocks in enumerate(blocks):
        inner, first = 64 * 2**stage, 2 if stage else 1
        stages.append(
            [
                ((inner, 1, strides, 1), (inner, 3, 1, 1), (4 * inner, 1, 1, 1))
                for strides in (first, *[1] * (num_blocks - 1))
            ]
        )
    return _stages(x, stages, spec, max(blocks), _EPSILON)


def resnet_small(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds a small residual network for small frames; see `Architecture.builder`.

    Eight blocks of two 3x3 convolutions with 24 to 64 channels, a tenth of the multiply-adds of
    MobileNetV2.

    Returns:
        `"stage_1"` to `"stage_3"` with strides 4, 8 and 16, and `"features"`, which is the last.
    """
    x = conv_bn_relu("conv1", "bn1", "relu", frames, (_SMALL_STEM, 3, 2, 1))
    stages = [
        [((filters, 3, strides, 1), (filters, 3, 1, 1)) for strides in (2, *[1] * (num_blocks - 1))]
        for filters, num_blocks in SMALL
    ]
    return _stages(x, stages, spec, max(blocks for _, blocks in SMALL))


def _stages(
    x: Any,
    stages: list[list[tuple[Kernel, ...]]],
    spec: ModelSpec,
    most_blocks: int,
    *epsilon: float,
) -> dict[str, Any]:
    """Applies stages of residual blocks with the sites of the spec."""
    shift_numbers = itertools.count()
    outputs = {}
    for stage, blocks in enumerate(stages, 1):
        for index, kernels in enumerate(blocks):
            place = shift_place(spec, index, most_blocks)
            if place == "block":
                x = Site(SHIFT, name=f"shift_{next(shift_numbers):02d}")(x)
            in_branch = shift_numbers if place == "blockres" else None
            x = residual_block(f"layer{stage}_{index}", x, kernels, in_branch, *epsilon)
        outputs[f"stage_{stage}"] = x
    return {**outputs, "features": x}
