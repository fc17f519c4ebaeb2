"""CorrNet-50 (Wang et al. 2020): R(2+1)D with correlations of neighbouring frames.

There is no official code. `tests/golden/NETWORKS.md` says what of this network is the paper's and
what was chosen; the weights are those of tefantasy/CorrNet.
"""

from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import BATCH_NORM_EPSILON, round_channels
from tsm_tf.layers.correlation import Correlation
from tsm_tf.networks3d.blocks import batch_norm3d, conv3d
from tsm_tf.networks3d.r2plus1d import BLOCKS, Style, block, norm_relu
from tsm_tf.spec import ModelSpec

BACKBONE = "corrnet_r50"
TIME_STRIDES = {2: 1, 3: 1, 4: 2, 5: 2}  # of the stages
CORRELATED = (2, 3, 4)  # stages that a correlation block follows
_CHANNELS = 64
_GROUPS = 32
_STYLE = Style(
    spatial="conv2_0_spatial_conv",
    norm="conv2_0_bn",
    temporal="conv2_0_temporal_conv",
    shortcut="downsample_conv",
    use_bias=True,
    epsilon=BATCH_NORM_EPSILON,
)


def corrnet(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 2048
        channels times the width.
    """
    channels = round_channels(_CHANNELS * spec.width)
    x = conv3d("conv1_0", clips, channels // 2, (1, 7, 7), (1, 2, 2), use_bias=True)
    x = norm_relu("conv1_1", "conv1_2", x, _STYLE.epsilon)

    outputs = {}
    for stage, num_blocks in enumerate(BLOCKS, 2):  # the official names begin with res2
        for index in range(num_blocks):
            strides = (TIME_STRIDES[stage], 2, 2) if index == 0 else (1, 1, 1)
            x = block(f"res{stage}_{index}", x, channels * 2 ** (stage - 2), strides, _STYLE)
        if stage in CORRELATED:
            x = _correlation_block(f"res{stage}_{num_blocks}", x)
        outputs[f"stage_{stage - 1}"] = x
    return {**outputs, "features": x}


def _correlation_block(name: str, x: Any) -> Any:
    """Adds what is computed from the correlations of the frames with those before them."""
    channels = x.shape[-1]
    encoded = conv3d(f"{name}_encode_conv_0", x, channels // 4, (1, 1, 1))
    encoded = norm_relu(f"{name}_encode_conv_1", f"{name}_encode_conv_2", encoded, _STYLE.epsilon)
    groups = min(_GROUPS, channels // 4)
    correlations = Correlation(groups, name=f"{name}_correlation")(encoded)

    decoded = conv3d(f"{name}_decode_conv_0", correlations, channels, (1, 1, 1))
    decoded = batch_norm3d(f"{name}_decode_conv_1", decoded, _STYLE.epsilon)
    total = keras.layers.Add(name=f"{name}_add")([x, decoded])
    return keras.layers.ReLU(name=name)(total)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width and number of frames, and `"channels"`, those of a frame; None if it
        is another network.
    """
    filters = f"res2.{BLOCKS[0]}.correlation.filter_weight"
    if filters not in shapes or "conv1.0.weight" not in shapes:
        return None
    stem, channels = shapes["conv1.0.weight"][:2]
    return {
        "backbone": BACKBONE,
        "channels": channels,
        "width": 2 * stem / _CHANNELS,
        "num_segments": shapes[filters][1],
    }
