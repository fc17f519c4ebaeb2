"""Channel-separated networks, ir-CSN and ip-CSN (Tran et al. 2019), as in MMAction2.

Their 3x3x3 convolutions are depthwise, so that only 1x1x1 convolutions combine channels.
"""

from collections.abc import Mapping
from typing import Any

import keras

from tsm_tf.backbones.blocks import round_channels
from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv
from tsm_tf.networks3d.blocks import (
    Size,
    batch_norm3d,
    block_weights,
    conv3d,
    conv_bn_relu3d,
    four_stages,
    max_pool3d,
)
from tsm_tf.spec import ModelSpec

NETWORKS = {
    # name: (a 1x1x1 convolution precedes the depthwise one, blocks per stage)
    "ircsn_r50": (False, (3, 4, 6, 3)),
    "ircsn_r152": (False, (3, 8, 36, 3)),
    "ipcsn_r50": (True, (3, 4, 6, 3)),
    "ipcsn_r152": (True, (3, 8, 36, 3)),
}
_EPSILON = 1e-3


def csn(clips: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 2048
        channels times the width.
    """
    is_preserved, blocks = NETWORKS[spec.backbone]
    channels = round_channels(64 * spec.width)
    x = conv_bn_relu3d("conv1", "bn1", "relu", clips, channels, (3, 7, 7), (1, 2, 2), _EPSILON)
    x = max_pool3d("maxpool", x, (1, 3, 3), (1, 2, 2), (0, 1, 1))

    return four_stages(
        x,
        blocks,
        channels,
        lambda name, x, filters, strides: _block(name, x, filters, strides, is_preserved),
    )


def _block(name: str, x: Any, filters: int, strides: Size, is_preserved: bool) -> Any:
    """Applies a bottleneck; `is_preserved` is for interactions of channels before the depthwise
    convolution (ip-CSN)."""
    identity, outputs, point = x, 4 * filters, (1, 1, 1)
    if identity.shape[-1] != outputs:
        identity = conv3d(f"{name}_downsample_0", identity, outputs, point, strides)
        identity = batch_norm3d(f"{name}_downsample_1", identity, _EPSILON)

    names = (f"{name}_conv1", f"{name}_bn1", f"{name}_relu1")
    x = conv_bn_relu3d(*names, x, filters, point, epsilon=_EPSILON)
    if is_preserved:
        x = conv3d(f"{name}_conv2_0_conv", x, filters, point)
        x = batch_norm3d(f"{name}_conv2_0_bn", x, _EPSILON)
    depthwise = f"{name}_conv2_{int(is_preserved)}"
    x = DepthwiseClipConv((3, 3, 3), strides, name=f"{depthwise}_conv")(x)
    x = batch_norm3d(f"{depthwise}_bn", x, _EPSILON)
    x = keras.layers.ReLU(name=f"{name}_relu2")(x)

    x = conv3d(f"{name}_conv3", x, outputs, point)
    x = batch_norm3d(f"{name}_bn3", x, _EPSILON)
    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, its width and usual number of frames, and `"channels"`, those of a frame; None
        if it is another network.
    """
    depthwise = {
        name
        for name, shape in shapes.items()
        if len(shape) == 5 and shape[1:] == (1, 3, 3, 3) and ".conv2." in name
    }
    for backbone, (is_preserved, blocks) in NETWORKS.items():
        pattern = f"layer{{stage}}.{{block}}.conv2.{int(is_preserved)}.conv.weight"
        expected = block_weights(pattern, blocks)
        if depthwise == expected:
            filters, channels = shapes["conv1.weight"][:2]
            return {
                "backbone": backbone,
                "channels": channels,
                "width": filters / 64,
                "num_segments": 32,
            }
    return None
