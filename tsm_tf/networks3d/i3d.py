"""I3D ResNet-50: the 2D network with kernels that also extend over time (Tables 2, 6, 10 and 11).

The networks differ in which kernels are 3D and where frames are skipped. 3x3x3 is that of
3D-ResNets-PyTorch, the paper's [21]; the others are those of MMAction2.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.layers.non_local import NonLocal
from tsm_tf.networks3d.blocks import Size, batch_norm3d, conv3d, conv_bn_relu3d, max_pool3d
from tsm_tf.spec import ModelSpec

BLOCKS = (3, 4, 6, 3)
_EVERY_BLOCK = frozenset(
    f"layer{stage}_{index}" for stage, count in enumerate(BLOCKS, 1) for index in range(count)
)
_SOME_BLOCKS = frozenset(
    {
        *("layer1_0", "layer1_1", "layer1_2", "layer2_0", "layer2_2"),
        *("layer3_0", "layer3_2", "layer3_4", "layer4_1"),
    }
)
_NON_LOCAL_AFTER = {"layer2_1", "layer2_3", "layer3_1", "layer3_3", "layer3_5"}


@dataclasses.dataclass(frozen=True)
class Variant:
    """How a variant extends ResNet-50 over time.

    Args:
        stem_time: size over time of the first kernel.
        stem_stride: its stride over time.
        pool: size, strides and padding of the max-pool behind it.
        first_3d: blocks whose first kernel is 3x1x1 instead of 1x1x1.
        middle_time: size over time of the second kernel of all blocks.
        stage_strides: strides over time of the stages.
        pool_after_stage_1: whether the maximum of pairs of frames follows the first stage.
        last_stride: stride over height and width of the last stage.
        frames: the number of frames that it was published with.
    """

    stem_time: int
    stem_stride: int
    pool: tuple[Size, Size, Size]
    first_3d: frozenset[str] = frozenset()
    middle_time: int = 1
    stage_strides: tuple[int, int, int, int] = (1, 1, 1, 1)
    pool_after_stage_1: bool = False
    last_stride: int = 2
    frames: int = 32


_KEEP_FRAMES = ((1, 3, 3), (1, 2, 2), (0, 1, 1))
_SKIP_FRAMES = ((1, 3, 3), (2, 2, 2), (0, 1, 1))  # no maximum over time: every second frame is lost
_POOL_FRAMES = ((3, 3, 3), (2, 2, 2), (1, 1, 1))
VARIANTS = {
    "i3d_r50_3x3x3": Variant(
        7, 1, _POOL_FRAMES, middle_time=3, stage_strides=(1, 2, 2, 2), frames=16
    ),
    "i3d_r50_3x1x1": Variant(5, 2, _SKIP_FRAMES, _SOME_BLOCKS, pool_after_stage_1=True),
    "i3d_r50_3x1x1_full_rate": Variant(5, 1, _KEEP_FRAMES, _SOME_BLOCKS, pool_after_stage_1=True),
    "i3d_r50_3x1x1_stride16": Variant(
        5, 1, _KEEP_FRAMES, _SOME_BLOCKS, pool_after_stage_1=True, last_stride=1
    ),
    "i3d_r50_heavy": Variant(5, 1, _KEEP_FRAMES, _EVERY_BLOCK, pool_after_stage_1=True),
    "i3d_r50_replace": Variant(1, 1, _KEEP_FRAMES, _EVERY_BLOCK, frames=8),
}


def i3d(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 2048
        channels times the width.
    """
    return build_variant(clips, VARIANTS[spec.backbone], spec.width, spec.non_local)


def build_variant(clips: Any, variant: Variant, width: float, non_local: bool) -> dict[str, Any]:
    """Applies a variant of the network to normalised clips; see `i3d`."""
    channels = round_channels(64 * width)
    kernel, strides = (variant.stem_time, 7, 7), (variant.stem_stride, 2, 2)
    x = conv_bn_relu3d("conv1", "bn1", "relu", clips, channels, kernel, strides)
    x = max_pool3d("maxpool", x, *variant.pool)

    outputs = {}
    for stage, num_blocks in enumerate(BLOCKS, 1):
        space = {1: 1, 4: variant.last_stride}.get(stage, 2)
        for index in range(num_blocks):
            name = f"layer{stage}_{index}"
            strides = (variant.stage_strides[stage - 1], space, space) if index == 0 else (1, 1, 1)
            x = _block(name, x, channels * 2 ** (stage - 1), strides, variant)
            if non_local and name in _NON_LOCAL_AFTER:
                x = NonLocal(x.shape[1], project_bias=False, name=f"{name}_nl")(x)
        outputs[f"stage_{stage}"] = x
        if stage == 1 and variant.pool_after_stage_1:
            x = max_pool3d("pool2", x, (2, 1, 1), (2, 1, 1))
    return {**outputs, "features": x}


def _block(name: str, x: Any, filters: int, strides: Size, variant: Variant) -> Any:
    """Applies a bottleneck."""
    identity, outputs = x, 4 * filters
    if identity.shape[-1] != outputs:
        identity = conv3d(f"{name}_downsample_0", identity, outputs, (1, 1, 1), strides)
        identity = batch_norm3d(f"{name}_downsample_1", identity)

    first = (3 if name in variant.first_3d else 1, 1, 1)
    middle = (variant.middle_time, 3, 3)
    for i, kernel, step in ((1, first, (1, 1, 1)), (2, middle, strides)):
        names = (f"{name}_conv{i}", f"{name}_bn{i}", f"{name}_relu{i}")
        x = conv_bn_relu3d(*names, x, filters, kernel, step)
    x = batch_norm3d(f"{name}_bn3", conv3d(f"{name}_conv3", x, outputs, (1, 1, 1)))

    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    The strides leave no trace in the weights: of the networks with the same kernels, the first in
    `VARIANTS` is taken.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width and usual number of frames, and `"channels"`, those of a frame; None
        if it is another network.
    """
    blocks = {name: f"{name.replace('_', '.')}.conv{{}}.weight" for name in _EVERY_BLOCK}
    weights = {"conv1.weight", *(blocks[name].format(i) for name in blocks for i in (1, 2, 3))}
    if any(len(shapes.get(name, ())) != 5 for name in weights) or _has_other_blocks(shapes):
        return None

    filters, channels, stem_time = shapes["conv1.weight"][:3]
    first_3d = {name for name in blocks if shapes[blocks[name].format(1)][2] == 3}
    middle = {shapes[blocks[name].format(2)][2] for name in blocks}
    for backbone, variant in VARIANTS.items():
        kernels = (variant.stem_time, variant.first_3d, {variant.middle_time})
        if kernels == (stem_time, first_3d, middle):
            return {
                "backbone": backbone,
                "channels": channels,
                "width": filters / 64,
                "num_segments": variant.frames,
            }
    return None


def _has_other_blocks(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    layers = {"_".join(name.split(".")[:2]) for name in shapes if name.startswith("layer")}
    others = {name.split(".")[0] for name in shapes if not name.startswith("layer")}
    return layers != _EVERY_BLOCK or others != {"conv1", "bn1", "head"}
