"""X3D-S and X3D-M (Feichtenhofer 2020), as in PyTorchVideo.

The two have the same weights. S is for 13 frames of 160 pixels (of 182), M for 16 frames of 224.
"""

from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv
from tsm_tf.networks3d.blocks import batch_norm3d, block_weights, conv3d
from tsm_tf.spec import ModelSpec

STAGES = ((24, 3), (48, 5), (96, 11), (192, 7))  # channels, blocks
_EXPANSION = 2.25
_SQUEEZE = 1 / 16
_HEAD = 2048


def x3d(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, vectors `[B, 2048 * width]`.
    """
    channels = round_channels(STAGES[0][0] * spec.width)
    # The official names of the two are swapped: this one is over height and width.
    x = conv3d("blocks_0_conv_conv_t", clips, channels, (1, 3, 3), (1, 2, 2))
    x = DepthwiseClipConv((5, 1, 1), name="blocks_0_conv_conv_xy")(x)
    x = keras.layers.ReLU(name="blocks_0_relu")(batch_norm3d("blocks_0_norm", x))

    outputs = {}
    for stage, (filters, num_blocks) in enumerate(STAGES, 1):
        for index in range(num_blocks):
            name = f"blocks_{stage}_res_blocks_{index}"
            x = _block(name, x, round_channels(filters * spec.width), index)
        outputs[f"stage_{stage}"] = x
    return {**outputs, "features": _pooled(x, round_channels(_HEAD * spec.width))}


def _block(name: str, x: Any, filters: int, index: int) -> Any:
    """Applies an inverted bottleneck; the first of a stage halves height and width."""
    identity, inner, branch = x, int(filters * _EXPANSION), f"{name}_branch2"
    strides = (1, 2, 2) if index == 0 else (1, 1, 1)
    if index == 0:
        identity = conv3d(f"{name}_branch1_conv", x, filters, (1, 1, 1), strides)
        if x.shape[-1] != filters:
            identity = batch_norm3d(f"{name}_branch1_norm", identity)

    x = conv3d(f"{branch}_conv_a", x, inner, (1, 1, 1))
    x = keras.layers.ReLU(name=f"{branch}_act_a")(batch_norm3d(f"{branch}_norm_a", x))
    x = DepthwiseClipConv((3, 3, 3), strides, name=f"{branch}_conv_b")(x)
    x = batch_norm3d(f"{branch}_norm_b_0", x)
    if index % 2 == 0:
        x = _squeeze_excite(f"{branch}_norm_b_1", x)
    x = keras.layers.Activation("silu", name=f"{branch}_act_b")(x)
    x = batch_norm3d(f"{branch}_norm_c", conv3d(f"{branch}_conv_c", x, filters, (1, 1, 1)))

    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def _squeeze_excite(name: str, x: Any) -> Any:
    """Scales each channel by a factor from the means of all channels over the clip."""
    channels = x.shape[-1]
    means = keras.layers.GlobalAveragePooling3D(name=f"{name}_pool")(x)
    squeezed = round_channels(channels * _SQUEEZE)
    factors = keras.layers.Dense(squeezed, activation="relu", name=f"{name}_0")(means)
    factors = keras.layers.Dense(channels, activation="sigmoid", name=f"{name}_2")(factors)
    factors = keras.layers.Reshape((1, 1, 1, channels), name=f"{name}_factors")(factors)
    return keras.layers.Multiply(name=f"{name}_scale")([x, factors])


def _pooled(x: Any, outputs: int) -> Any:
    """Applies the layers around the pooling at the end."""
    x = conv3d("blocks_5_pool_pre_conv", x, int(x.shape[-1] * _EXPANSION), (1, 1, 1))
    x = keras.layers.ReLU(name="pre_act")(batch_norm3d("blocks_5_pool_pre_norm", x))
    x = keras.layers.GlobalAveragePooling3D(name="pool")(x)
    x = keras.layers.Dense(outputs, use_bias=False, name="blocks_5_pool_post_conv")(x)
    return keras.layers.ReLU(name="post_act")(x)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, always X3D-M, its width and usual number of frames, and `"channels"`, those of
        a frame; None if it is another network.
    """
    found = {name for name in shapes if name.endswith(".branch2.conv_b.weight")}
    pattern = "blocks.{stage}.res_blocks.{block}.branch2.conv_b.weight"
    expected = block_weights(pattern, [count for _, count in STAGES])
    if found != expected or "blocks.5.pool.post_conv.weight" not in shapes:
        return None
    filters, channels = shapes["blocks.0.conv.conv_t.weight"][:2]
    width = filters / STAGES[0][0]
    return {"backbone": "x3d_m", "channels": channels, "width": width, "num_segments": 16}
