"""ECO-Lite and full ECO (Zolfaghari et al., Tables 2 and 6): frames in 2D first, then clips in 3D.

The 2D part is the beginning of BNInception. Of the two PyTorch versions, this is that of the
authors (mzolfaghari/ECO-pytorch), which agrees with their Caffe original.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.backbones.bn_inception import first_part, second_part
from tsm_tf.layers.clip_frames import ClipsToFrames, FramesToClips
from tsm_tf.networks3d.blocks import Size, batch_norm3d, conv3d
from tsm_tf.spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class Variant:
    """A network of the family.

    Args:
        is_full: whether all of BNInception also sees each frame.
        width: multiplier of all channels.
    """

    is_full: bool = False
    width: float = 1.0


VARIANTS = {
    "eco_lite": Variant(),
    "eco": Variant(is_full=True),
    "eco_lite_small": Variant(width=0.25),  # not the paper's: for small frames
}
_STAGES = {"res3": 128, "res4": 256, "res5": 512}


def eco(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` (2D, `[B*T, h, w, 96]`), `"stage_2"` to `"stage_4"` (3D), and `"features"`: the
        last stage's output, or for full ECO vectors `[B, 1536]` of 1024 averages from 2D and 512
        from 3D.
    """
    variant = VARIANTS[spec.backbone]
    frames = ClipsToFrames(name="clips_to_frames")(clips)
    maps, double = first_part(frames, variant.width)
    x = FramesToClips(spec.num_segments, name="frames_to_clips")(double)

    outputs = {"stage_1": double}
    for index, (stage, channels) in enumerate(_STAGES.items(), 2):
        filters = round_channels(channels * variant.width)
        x = outputs[f"stage_{index}"] = _stage(stage, x, filters, 1 if index == 2 else 2)
    if not variant.is_full:
        return {**outputs, "features": x}

    maps = second_part(maps, double, variant.width)
    maps = FramesToClips(spec.num_segments, name="maps_to_clips")(maps)
    averages = [
        keras.layers.GlobalAveragePooling3D(name="avgpool_2d")(maps),
        keras.layers.GlobalAveragePooling3D(name="avgpool_3d")(x),
    ]
    return {**outputs, "features": keras.layers.Concatenate(name="features")(averages)}


def _stage(name: str, x: Any, channels: int, stride: int) -> Any:
    """Applies two residual blocks, whose sums are taken before the batch norm.

    The first block of the first stage is a single convolution.
    """
    if stride == 1:
        total = _conv(f"{name}a_2", x, channels)
    else:
        strides = (stride, stride, stride)
        shortcut = _conv(f"{name}a_down", x, channels, strides)
        x = _norm_relu(f"{name}a_1", _conv(f"{name}a_1", x, channels, strides))
        total = keras.layers.Add(name=f"{name}a_add")([_conv(f"{name}a_2", x, channels), shortcut])

    x = _norm_relu(f"{name}a", total)
    x = _norm_relu(f"{name}b_1", _conv(f"{name}b_1", x, channels))
    total = keras.layers.Add(name=f"{name}b_add")([_conv(f"{name}b_2", x, channels), total])
    return _norm_relu(f"{name}b", total)


def _conv(name: str, x: Any, channels: int, strides: Size = (1, 1, 1)) -> Any:
    return conv3d(name, x, channels, (3, 3, 3), strides, use_bias=True)


def _norm_relu(name: str, x: Any) -> Any:
    return keras.layers.ReLU(name=f"{name}_relu")(batch_norm3d(f"{name}_bn", x))


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, and `"channels"`, those of a frame; None if it is another network.
    """
    stem, down = shapes["conv1_7x7_s2.weight"], shapes["res4a_down.weight"]
    variant = Variant("inception_5b_1x1.weight" in shapes, down[0] / _STAGES["res4"])
    names = [name for name, known in VARIANTS.items() if known == variant]
    if not names or len(stem) != 4 or len(down) != 5:
        return None
    return {"backbone": names[0], "channels": stem[1]}
