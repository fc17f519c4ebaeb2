"""ResNet v1.5 (He et al.; stride in the 3x3), the paper's main backbone."""

import keras

from tsm_tf.backbones.blocks import batch_norm, conv

STAGES = {
    # name: (block, blocks per stage)
    "resnet18": ("basic", (2, 2, 2, 2)),
    "resnet34": ("basic", (3, 4, 6, 3)),
    "resnet50": ("bottleneck", (3, 4, 6, 3)),
    "resnet101": ("bottleneck", (3, 4, 23, 3)),
    "resnet152": ("bottleneck", (3, 8, 36, 3)),
}

_EXPANSION = {"basic": 1, "bottleneck": 4}
_DEEP_STAGE = (
    23  # with so many blocks in the third stage, the official code shifts only every second block
)


def resnet(x, backbone: str):
    """Returns the pooled features `[B, 512 or 2048]` of normalised frames `[B, H, W, C]`.

    Args:
        x: a symbolic tensor of frames.
        backbone: a key of `STAGES`.
    """
    kind, stages = STAGES[backbone]
    x = _conv_bn_relu("conv1", "bn1", "relu", x, 64, 7, 2)
    x = keras.layers.ZeroPadding2D(1, name="maxpool_pad")(x)  # after a ReLU, zero is the minimum
    x = keras.layers.MaxPooling2D(3, 2, name="maxpool")(x)
    for stage, num_blocks in enumerate(stages):
        for index in range(num_blocks):
            x = _block(
                kind,
                f"layer{stage + 1}_{index}",
                x,
                64 * 2**stage,
                2 if stage and index == 0 else 1,
            )
    return keras.layers.GlobalAveragePooling2D(name="avgpool")(x)


def is_shifted(backbone: str, layer: str) -> bool:
    """Tells whether the block of a layer (`layer3_1_conv1`) has a residual shift in the official code."""
    return STAGES[backbone][1][2] < _DEEP_STAGE or int(layer.split("_")[1]) % 2 == 0


def _block(kind, name, x, filters, strides):
    identity, outputs = x, filters * _EXPANSION[kind]
    if strides > 1 or identity.shape[-1] != outputs:
        identity = conv(f"{name}_downsample_0", identity, outputs, 1, strides)
        identity = batch_norm(f"{name}_downsample_1", identity)
    if kind == "basic":
        kernels = ((filters, 3, strides), (outputs, 3, 1))
    else:
        kernels = ((filters, 1, 1), (filters, 3, strides), (outputs, 1, 1))
    for i, kernel in enumerate(kernels[:-1], 1):
        x = _conv_bn_relu(f"{name}_conv{i}", f"{name}_bn{i}", f"{name}_relu{i}", x, *kernel)
    last = len(kernels)
    x = batch_norm(f"{name}_bn{last}", conv(f"{name}_conv{last}", x, *kernels[-1]))
    x = keras.layers.Add(name=f"{name}_add")([identity, x])
    return keras.layers.ReLU(name=name)(x)


def _conv_bn_relu(conv_name, norm_name, relu_name, x, filters, kernel_size, strides):
    x = batch_norm(norm_name, conv(conv_name, x, filters, kernel_size, strides))
    return keras.layers.ReLU(name=relu_name)(x)
