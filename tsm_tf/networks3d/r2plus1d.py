"""R(2+1)D-50 (Tran et al. 2018) as in VMZ: each 3D convolution is one of frames and one of time.

Table 2 of the paper names it as the backbone of CorrNet-50.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.networks3d.blocks import (
    Size,
    batch_norm3d,
    block_weights,
    conv3d,
    four_stages,
    max_pool3d,
)
from tsm_tf.spec import ModelSpec

BLOCKS = (3, 4, 6, 3)
HAS_POOL = {
    # a max-pool behind the stem, for frames of 224 pixels instead of 112
    "r2plus1d_r50": False,
    "r2plus1d_r50_pool1": True,
}
_STEM = (45, 64)


@dataclasses.dataclass(frozen=True)
class Style:
    """In what the blocks of this network and of CorrNet differ.

    Args:
        spatial: end of the name of the convolution of frames.
        norm: end of the name of the batch norm behind it.
        temporal: end of the name of the convolution over time.
        shortcut: end of the name of the shortcut.
        use_bias: whether these two convolutions have a bias.
        epsilon: constant that all batch norms add to variances.
    """

    spatial: str = "conv2_0_0"
    norm: str = "conv2_0_1"
    temporal: str = "conv2_0_3"
    shortcut: str = "downsample"
    use_bias: bool = False
    epsilon: float = 1e-3


_STYLE = Style()


def r2plus1d(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 2048
        channels times the width.
    """
    middle, channels = (round_channels(count * spec.width, 1) for count in _STEM)
    x = conv3d("stem_0", clips, middle, (1, 7, 7), (1, 2, 2))
    x = norm_relu("stem_1", "stem_2", x, _STYLE.epsilon)
    x = conv3d("stem_3", x, channels, (3, 1, 1))
    x = norm_relu("stem_4", "stem_5", x, _STYLE.epsilon)
    if HAS_POOL[spec.backbone]:
        x = max_pool3d("maxpool", x, (1, 3, 3), (1, 2, 2), (0, 1, 1))

    return four_stages(
        x,
        BLOCKS,
        channels,
        lambda name, x, filters, strides: block(name, x, filters, strides, _STYLE),
    )


def block(name: str, x: Any, filters: int, strides: Size, style: Style) -> Any:
    """Applies a bottleneck whose 3x3x3 convolution is one of frames and one of time.

    Args:
        name: beginning of the names of its layers.
        x: `[B, T, H, W, C]`.
        filters: channels inside the block; its output has four times as many.
        strides: strides over time, height and width.
        style: names and constants.
    """
    identity, outputs = x, 4 * filters
    if identity.shape[-1] != outputs:
        shortcut = f"{name}_{style.shortcut}"
        identity = conv3d(f"{shortcut}_0", identity, outputs, (1, 1, 1), strides)
        identity = batch_norm3d(f"{shortcut}_1", identity, style.epsilon)

    x = conv3d(f"{name}_conv1_0", x, filters, (1, 1, 1))
    x = norm_relu(f"{name}_conv1_1", f"{name}_conv1_2", x, style.epsilon)

    time, height, width = strides
    middle, spatial = middle_channels(filters), (1, height, width)
    x = conv3d(f"{name}_{style.spatial}", x, middle, (1, 3, 3), spatial, style.use_bias)
    x = norm_relu(f"{name}_{style.norm}", f"{name}_conv2_0_relu", x, style.epsilon)
    x = conv3d(f"{name}_{style.temporal}", x, filters, (3, 1, 1), (time, 1, 1), style.use_bias)
    x = norm_relu(f"{name}_conv2_1", f"{name}_conv2_2", x, style.epsilon)

    x = conv3d(f"{name}_conv3_0", x, outputs, (1, 1, 1))
    x = batch_norm3d(f"{name}_conv3_1", x, style.epsilon)
    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def middle_channels(filters: int) -> int:
    """Returns the channels between the two convolutions, which then have as many weights as one
    3x3x3 convolution."""
    return 27 * filters * filters // (9 * filters + 3 * filters)


def norm_relu(norm_name: str, relu_name: str, x: Any, epsilon: float) -> Any:
    """Applies a batch norm and ReLU."""
    return keras.layers.ReLU(name=relu_name)(batch_norm3d(norm_name, x, epsilon))


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    The max-pool leaves no trace in them: the network without it is taken.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width and usual number of frames, and `"channels"`, those of a frame; None
        if it is another network.
    """
    temporal = {name for name in shapes if name.endswith(".conv2.0.3.weight")}
    expected = block_weights("layer{stage}.{block}.conv2.0.3.weight", BLOCKS)
    if temporal != expected or "stem.3.weight" not in shapes:
        return None
    return {
        "backbone": "r2plus1d_r50",
        "channels": shapes["stem.0.weight"][1],
        "width": shapes["stem.3.weight"][0] / _STEM[1],
        "num_segments": 32,
    }
