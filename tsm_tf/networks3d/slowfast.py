"""SlowFast ResNet-50 (Feichtenhofer et al. 2019), as in PyTorchVideo and in MMAction2.

The slow pathway sees one of `alpha` frames; the fast pathway sees all of them, with an eighth of
the channels, and is added to the slow one after the stem and each stage but the last.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.layers.select_frames import SelectFrames
from tsm_tf.networks3d.blocks import (
    batch_norm3d,
    block_weights,
    conv3d,
    conv_bn_relu3d,
    max_pool3d,
)
from tsm_tf.spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class Pathway:
    """One of the two ResNets.

    Args:
        channels: channels of its stem.
        stem_time: size over time of the stem's kernel.
        first_time: size over time of the first kernel of each block, per stage.
    """

    channels: int
    stem_time: int
    first_time: tuple[int, int, int, int]


BLOCKS = (3, 4, 6, 3)
SLOW, FAST = Pathway(64, 1, (1, 1, 3, 3)), Pathway(8, 5, (3, 3, 3, 3))


@dataclasses.dataclass(frozen=True)
class Variant:
    """A network of the family.

    Args:
        alpha: fast frames per slow frame.
        kernel: size over time of the kernels that join the pathways.
        is_mmaction: as in MMAction2: the pathways are joined without batch norms and ReLUs, the
            slow one sees every `alpha`-th frame, and the classifier takes the fast one's features
            first.
    """

    alpha: int
    kernel: int
    is_mmaction: bool = False


VARIANTS = {
    "slowfast_r50_8x8": Variant(4, 7),
    "slowfast_r50_4x16": Variant(8, 5),
    "slowfast_r50_8x8_mmaction": Variant(4, 7, is_mmaction=True),
    "slowfast_r50_4x16_mmaction": Variant(8, 5, is_mmaction=True),
}
_FUSION = "blocks.0.multipathway_fusion"


def slowfast(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"` of the slow pathway, without the fast one's channels; and
        `"features"`, vectors `[B, 2304]` times the width of both pathways.
    """
    variant = VARIANTS[spec.backbone]
    numbers = slow_frames(spec.num_segments, variant)
    slow = _stem("blocks_0", 0, SelectFrames(numbers, name="slow_frames")(clips), SLOW, spec.width)
    fast = _stem("blocks_0", 1, clips, FAST, spec.width)

    outputs = {}
    for stage, num_blocks in enumerate(BLOCKS, 1):
        joined = _join(f"blocks_{stage - 1}_multipathway_fusion", slow, fast, variant)
        slow = _stage(stage, 0, joined, SLOW, spec.width, num_blocks)
        fast = _stage(stage, 1, fast, FAST, spec.width, num_blocks)
        outputs[f"stage_{stage}"] = slow

    vectors = [
        keras.layers.GlobalAveragePooling3D(name=f"{name}_avgpool")(x)
        for name, x in (("slow", slow), ("fast", fast))
    ]
    if variant.is_mmaction:
        vectors.reverse()
    return {**outputs, "features": keras.layers.Concatenate(name="features")(vectors)}


def slow_frames(num_segments: int, variant: Variant) -> tuple[int, ...]:
    """Returns the numbers of the frames that the slow pathway sees.

    In MMAction2 they are 0, `alpha`, and so on. In PyTorchVideo, they are evenly spaced from the
    first frame to the last and rounded down, as
    `torch.linspace(0, num_segments - 1, num_segments // alpha).long()`, except where that loses an
    exact integer to its own rounding (at four numbers of frames up to 1024, such as frame 53 of
    160).

    Args:
        num_segments: frames of the clip.
        variant: the network.
    """
    if variant.is_mmaction:
        return tuple(range(0, num_segments, variant.alpha))
    count = num_segments // variant.alpha
    return tuple(i * (num_segments - 1) // max(1, count - 1) for i in range(count))


def _stem(block: str, index: int, x: Any, pathway: Pathway, width: float) -> Any:
    name = f"{block}_multipathway_blocks_{index}"
    x = conv_bn_relu3d(
        f"{name}_conv",
        f"{name}_norm",
        f"{name}_relu",
        x,
        round_channels(pathway.channels * width, 1),
        (pathway.stem_time, 7, 7),
        (1, 2, 2),
    )
    return max_pool3d(f"{name}_pool", x, (1, 3, 3), (1, 2, 2), (0, 1, 1))


def _join(name: str, slow: Any, fast: Any, variant: Variant) -> Any:
    """Appends the fast pathway, at the slow one's frame rate, to the channels of the slow one."""
    convolution, filters = f"{name}_conv_fast_to_slow", 2 * fast.shape[-1]
    kernel, strides = (variant.kernel, 1, 1), (variant.alpha, 1, 1)
    if variant.is_mmaction:
        fast = conv3d(convolution, fast, filters, kernel, strides)
    else:
        names = (convolution, f"{name}_norm", f"{name}_relu")
        fast = conv_bn_relu3d(*names, fast, filters, kernel, strides)
    return keras.layers.Concatenate(name=name)([slow, fast])


def _stage(
    stage: int,
    index: int,
    x: Any,
    pathway: Pathway,
    width: float,
    num_blocks: int,
) -> Any:
    """Applies a stage's residual blocks to one pathway."""
    filters = round_channels(pathway.channels * width, 1) * 2 ** (stage - 1)
    for block in range(num_blocks):
        name = f"blocks_{stage}_multipathway_blocks_{index}_res_blocks_{block}"
        space = 2 if stage > 1 and block == 0 else 1
        x = _block(name, x, filters, pathway.first_time[stage - 1], space)
    return x


def _block(name: str, x: Any, filters: int, first_time: int, space: int) -> Any:
    """Applies a bottleneck with a stride over height and width."""
    identity, outputs, strides = x, 4 * filters, (1, space, space)
    if identity.shape[-1] != outputs:
        identity = conv3d(f"{name}_branch1_conv", identity, outputs, (1, 1, 1), strides)
        identity = batch_norm3d(f"{name}_branch1_norm", identity)

    branch, steps = f"{name}_branch2", (1, 1, 1)
    for i, kernel, step in (("a", (first_time, 1, 1), steps), ("b", (1, 3, 3), strides)):
        names = (f"{branch}_conv_{i}", f"{branch}_norm_{i}", f"{branch}_act_{i}")
        x = conv_bn_relu3d(*names, x, filters, kernel, step)
    x = batch_norm3d(f"{branch}_norm_c", conv3d(f"{branch}_conv_c", x, outputs, (1, 1, 1)))

    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    `alpha` leaves no trace in them: it is taken from the kernels that join the pathways. Those
    without batch norms are MMAction2's.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width and usual number of frames, and `"channels"`, those of a frame; None
        if it is another network.
    """
    found = {name for name in shapes if name.endswith(".branch2.conv_b.weight")}
    begin, end = "blocks.{stage}.multipathway_blocks", "res_blocks.{block}.branch2.conv_b.weight"
    slow, fast = (block_weights(f"{begin}.{pathway}.{end}", BLOCKS) for pathway in (0, 1))
    if found != slow | fast:
        return None
    filters, channels = shapes["blocks.0.multipathway_blocks.0.conv.weight"][:2]
    found = shapes[f"{_FUSION}.conv_fast_to_slow.weight"][2], f"{_FUSION}.norm.weight" not in shapes
    for backbone, variant in VARIANTS.items():
        if found == (variant.kernel, variant.is_mmaction):
            return {
                "backbone": backbone,
                "channels": channels,
                "width": filters / SLOW.channels,
                "num_segments": 32,
            }
    return None
