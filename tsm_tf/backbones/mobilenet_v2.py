"""MobileNetV2 (Sandler et al.), the paper's backbone for phones and boards (sections 5.2.2 and 5.6)."""

import keras

from tsm_tf.backbones.blocks import batch_norm, conv, depthwise_conv
from tsm_tf.spec import round_channels

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


def mobilenet_v2(x, width: float):
    """Returns the pooled features `[B, 1280]` (more for a width above 1) of normalised frames `[B, H, W, C]`.

    Args:
        x: a symbolic tensor of frames.
        width: channel multiplier.
    """
    x = conv("features_0_0", x, round_channels(_STEM * width), 3, 2)
    x = _norm_relu("features_0", 1, x)
    index = 1
    for expansion, channels, num_blocks, strides in STAGES:
        for block in range(num_blocks):
            outputs = round_channels(channels * width)
            x = _block(f"features_{index}", x, expansion, outputs, strides if block == 0 else 1)
            index += 1
    x = conv(f"features_{index}_0", x, round_channels(_LAST * max(1.0, width)), 1)
    x = _norm_relu(f"features_{index}", 1, x)
    return keras.layers.GlobalAveragePooling2D(name="avgpool")(x)


def is_shifted(layer: str) -> bool:
    """Tells whether the official code shifts at a residual branch's first layer: not in the block without expansion."""
    return not layer.startswith("features_1_")


def _block(name, x, expansion, outputs, strides):
    identity, inputs = x, x.shape[-1]
    number, prefix = 0, f"{name}_conv"
    if expansion > 1:
        x = _norm_relu(prefix, 1, conv(f"{prefix}_0", x, inputs * expansion, 1))
        number = 3
    x = _norm_relu(prefix, number + 1, depthwise_conv(f"{prefix}_{number}", x, strides))
    x = conv(f"{prefix}_{number + 3}", x, outputs, 1)
    x = batch_norm(f"{prefix}_{number + 4}", x)
    return keras.layers.Add(name=name)([identity, x]) if strides == 1 and inputs == outputs else x


def _norm_relu(prefix, number, x):
    x = batch_norm(f"{prefix}_{number}", x)
    return keras.layers.ReLU(max_value=6.0, name=f"{prefix}_{number + 1}")(x)
