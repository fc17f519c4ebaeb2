"""ResNet v1.5 (He et al.; stride in the 3x3), the paper's main backbone, with a shift in its residual branches."""

import keras

from tsm_tf.backbones.blocks import Hooks, batch_norm, conv

STAGES = {
    # name: (block, blocks per stage)
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
    "resnet101": ("bottleneck", (3, 4, 23, 3)),
    "resnet152": ("bottleneck", (3, 8, 36, 3)),
}

_EXPANSION = {"basic": 1, "bottleneck": 4}
_DEEP_STAGE = 23  # with so many blocks in the third stage, the official code shifts only every second block


def resnet(x, backbone: str, hooks: Hooks):
    """Returns the pooled features `[B, 512 or 2048]` of normalised frames `[B, H, W, C]`.

    Args:
        x: a symbolic tensor of frames.
        backbone: a key of `STAGES`.
        hooks: how layers are made, and what is put between them; `after` gets `layer2.0` (a block) and `layer2`
            (a stage).
    """
    kind, stages = STAGES[backbone]
    x = _conv_bn_relu(hooks, "conv1", "bn1", "relu", x, 64, 7, 2)
    x = hooks.make(keras.layers.ZeroPadding2D, "maxpool.pad", padding=1)(x)  # after a ReLU, zero is the minimum
    x = hooks.make(keras.layers.MaxPooling2D, "maxpool", pool_size=3, strides=2)(x)
    for stage, num_blocks in enumerate(stages):
        for index in range(num_blocks):
            name = f"layer{stage + 1}.{index}"
            skip_shift = stages[2] >= _DEEP_STAGE and index % 2 == 1 and not hooks.in_place
            block_hooks = hooks._replace(shift=lambda y: y) if skip_shift else hooks
            x = _block(block_hooks, kind, name, x, 64 * 2**stage, 2 if stage and index == 0 else 1)
            x = hooks.after(name, x)
        x = hooks.after(f"layer{stage + 1}", x)
    return hooks.make(keras.layers.GlobalAveragePooling2D, "avgpool")(x)


def _block(hooks, kind, name, x, filters, strides):
    identity, x = hooks.enter_block(x)
    outputs = filters * _EXPANSION[kind]
    if strides > 1 or identity.shape[-1] != outputs:
        identity = conv(hooks, f"{name}.downsample.0", identity, outputs, 1, strides)
        identity = batch_norm(hooks, f"{name}.downsample.1", identity)
    if kind == "basic":
        kernels = ((filters, 3, strides), (outputs, 3, 1))
    else:
        kernels = ((filters, 1, 1), (filters, 3, strides), (outputs, 1, 1))
    for i, kernel in enumerate(kernels[:-1], 1):
        x = _conv_bn_relu(hooks, f"{name}.conv{i}", f"{name}.bn{i}", f"{name}.relu{i}", x, *kernel)
    last = len(kernels)
    x = batch_norm(hooks, f"{name}.bn{last}", conv(hooks, f"{name}.conv{last}", x, *kernels[-1]))
    x = hooks.make(keras.layers.Add, f"{name}.add")([identity, x])
    return hooks.make(keras.layers.ReLU, name)(x)


def _conv_bn_relu(hooks, conv_name, norm_name, relu_name, x, filters, kernel_size, strides):
    x = batch_norm(hooks, norm_name, conv(hooks, conv_name, x, filters, kernel_size, strides))
    return hooks.make(keras.layers.ReLU, relu_name)(x)
