"""MobileNetV2 (Sandler et al.), the paper's backbone for phones and boards (sections 5.2.2 and 5.6)."""

import keras

from tsm_tf.backbones.blocks import Hooks, batch_norm, conv, depthwise_conv
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


def mobilenet_v2(x, width: float, hooks: Hooks):
    """Returns the pooled features `[B, 1280]` (more for a width above 1) of normalised frames `[B, H, W, C]`.

    Only blocks with an identity and an expansion shift: 10 of them, `features.3` to `features.16`.

    Args:
        x: a symbolic tensor of frames.
        width: channel multiplier.
        hooks: how layers are made, and what is put between them; `after` gets the block's name, `features.3`.
    """
    x = conv(hooks, "features.0.0", x, round_channels(_STEM * width), 3, 2)
    x = _norm_relu(hooks, "features.0", 1, x)
    index = 1
    for expansion, channels, num_blocks, strides in STAGES:
        for block in range(num_blocks):
            name, outputs = f"features.{index}", round_channels(channels * width)
            x = _block(hooks, name, x, expansion, outputs, strides if block == 0 else 1)
            x = hooks.after(name, x)
            index += 1
    x = conv(hooks, f"features.{index}.0", x, round_channels(_LAST * max(1.0, width)), 1)
    x = _norm_relu(hooks, f"features.{index}", 1, x)
    return hooks.make(keras.layers.GlobalAveragePooling2D, "avgpool")(x)


def _block(hooks, name, x, expansion, outputs, strides):
    identity, inputs = x, x.shape[-1]
    residual = strides == 1 and inputs == outputs
    number, prefix = 0, f"{name}.conv"
    if expansion > 1:
        if residual:
            identity, x = hooks.enter_block(x)
        x = _norm_relu(hooks, prefix, 1, conv(hooks, f"{prefix}.0", x, inputs * expansion, 1))
        number = 3
    x = _norm_relu(hooks, prefix, number + 1, depthwise_conv(hooks, f"{prefix}.{number}", x, strides))
    x = conv(hooks, f"{prefix}.{number + 3}", x, outputs, 1)
    x = batch_norm(hooks, f"{prefix}.{number + 4}", x)
    return hooks.make(keras.layers.Add, name)([identity, x]) if residual else x


def _norm_relu(hooks, prefix, number, x):
    x = batch_norm(hooks, f"{prefix}.{number}", x)
    return hooks.make(keras.layers.ReLU, f"{prefix}.{number + 1}", max_value=6.0)(x)
