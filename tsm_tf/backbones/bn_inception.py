"""BNInception (Ioffe and Szegedy), the backbone of TSN, TRN and ECO (the paper's Tables 2, 4, 6).

Layers, names and numbers are those of `archs/bn_inception.py` in the official code, which takes
square frames of 223 to 230 pixels only. Its residual shift works only in blocks that keep the shape
of their input (4a, 4b, 4d, 5b), so `shift_place="blockres"` shifts in these four;
`"block"` shifts the input of all blocks but the first, also on its way to the pooling branch.
"""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from tsm_tf.backbones.blocks import batch_norm, conv, round_channels
from tsm_tf.layers.site import SHIFT, Site
from tsm_tf.spec import ModelSpec

_FIRST = "conv1_7x7_s2"
_STEM = ((_FIRST, 64, 7, 2), ("conv2_3x3_reduce", 64, 1, 1), ("conv2_3x3", 192, 3, 1))


class Block(NamedTuple):
    """Output channels of a block's convolutions.

    A block without a 1x1 convolution has stride 2, and no projection of its pooled input.
    """

    name: str
    single: int
    triple_reduce: int
    triple: int
    double_reduce: int
    double: int
    pool: str
    projection: int

    @property
    def strides(self) -> int:
        return 1 if self.single else 2

    @property
    def outputs(self) -> int:
        """Channels of the block's output, without those of a pooled input."""
        return self.single + self.triple + self.double + self.projection

    def scaled(self, width: float) -> "Block":
        """Returns the block with a multiple of all channels."""
        numbers = {
            name: round_channels(value * width)
            for name, value in self._asdict().items()
            if isinstance(value, int) and value
        }
        return self._replace(**numbers)

    def convolutions(self) -> list[str]:
        names = ["3x3_reduce", "3x3", "double_3x3_reduce", "double_3x3_1", "double_3x3_2"]
        names += ["1x1", "pool_proj"] if self.single else []
        return [f"inception_{self.name}_{name}" for name in names]


BLOCKS = (
    # name, 1x1, 3x3 after its reduction, two 3x3 after theirs, pool, projection
    Block("3a", 64, 64, 64, 64, 96, "average", 32),
    Block("3b", 64, 64, 96, 64, 96, "average", 64),
    Block("3c", 0, 128, 160, 64, 96, "max", 0),
    Block("4a", 224, 64, 96, 96, 128, "average", 128),
    Block("4b", 192, 96, 128, 96, 128, "average", 128),
    Block("4c", 160, 128, 160, 128, 160, "average", 128),
    Block("4d", 96, 128, 192, 160, 192, "average", 128),
    Block("4e", 0, 128, 192, 192, 256, "max", 0),
    Block("5a", 352, 192, 320, 160, 224, "average", 128),
    Block("5b", 352, 192, 320, 192, 224, "max", 128),
)
_STAGES = {"3b": "stage_2", "4d": "stage_3", "5b": "stage_4"}  # the last block of each size
_BEFORE_3D = 2  # blocks of ECO's 2D part, which ends inside the next one


def bn_inception(frames: Any, spec: ModelSpec) -> dict[str, Any]:
    """Builds the feature extractor; see `Architecture.builder`.

    Returns:
        `"stage_1"` to `"stage_4"`, and `"features"`, which is the last stage's output with 1024
        channels.
    """
    in_place = spec.shift_place == "block"
    is_residual = not in_place and spec.shift_mode != "none"
    shift_numbers = itertools.count()

    def shift(x):
        return Site(SHIFT, name=f"shift_{next(shift_numbers):02d}")(x)

    x = _stem_begin(frames, spec.width)
    x = _stem_end(shift(x) if in_place else x, spec.width)
    outputs = {"stage_1": x}
    x = _max_pool("pool2_3x3_s2", x)
    for block in _blocks(spec.width):
        name = f"inception_{block.name}"
        if in_place:
            x = _inception(block, shift(x))
        elif is_residual and block.outputs == x.shape[-1]:
            branch = _inception(block, shift(x))
            x = keras.layers.Add(name=f"{name}_add")([x, branch])
            x = keras.layers.ReLU(name=f"{name}_relu")(x)
        else:
            x = _inception(block, x)
        if block.name in _STAGES:
            outputs[_STAGES[block.name]] = x
    return {**outputs, "features": x}


def first_part(frames: Any, width: float = 1.0) -> tuple[Any, Any]:
    """Applies the layers that ECO applies to each frame, without shifts.

    Args:
        frames: normalised frames `[B, H, W, C]`; 223 to 230 pixels make the sizes below.
        width: multiplier of all channels.

    Returns:
        Block 3b's output `[B, 28, 28, 320]`, which `second_part` takes; and that of
        `inception_3c_double_3x3_1`, `[B, 28, 28, 96]`, after batch norm and ReLU, which ECO's 3D
        part takes.
    """
    blocks = _blocks(width)
    x = _max_pool("pool2_3x3_s2", _stem_end(_stem_begin(frames, width), width))
    for block in blocks[:_BEFORE_3D]:
        x = _inception(block, x)
    return x, _begin_double(blocks[_BEFORE_3D], x)


def second_part(x: Any, double: Any, width: float = 1.0) -> Any:
    """Applies the layers after `first_part`, from both its results.

    Returns:
        The last feature maps, `[B, 7, 7, 1024]`.
    """
    blocks = _blocks(width)
    x = _inception(blocks[_BEFORE_3D], x, double)
    for block in blocks[_BEFORE_3D + 1 :]:
        x = _inception(block, x)
    return x


def _blocks(width: float) -> tuple[Block, ...]:
    return BLOCKS if width == 1.0 else tuple(block.scaled(width) for block in BLOCKS)


def _stem_begin(frames: Any, width: float) -> Any:
    name, filters, kernel_size, strides = _STEM[0]
    x = _conv_bn_relu(frames, name, round_channels(filters * width), kernel_size, strides)
    return _max_pool("pool1_3x3_s2", x)


def _stem_end(x: Any, width: float) -> Any:
    for name, filters, kernel_size, strides in _STEM[1:]:
        x = _conv_bn_relu(x, name, round_channels(filters * width), kernel_size, strides)
    return x


def _inception(block: Block, x: Any, double: Any = None) -> Any:
    """Applies a block; `double` is what `_begin_double` has computed already."""
    name, strides = f"inception_{block.name}", block.strides
    branches = []
    if block.single:
        branches.append(_conv_bn_relu(x, f"{name}_1x1", block.single, 1))

    triple = _conv_bn_relu(x, f"{name}_3x3_reduce", block.triple_reduce, 1)
    branches.append(_conv_bn_relu(triple, f"{name}_3x3", block.triple, 3, strides))

    double = _begin_double(block, x) if double is None else double
    branches.append(_conv_bn_relu(double, f"{name}_double_3x3_2", block.double, 3, strides))

    if strides == 2:
        branches.append(_max_pool(f"{name}_pool", x))
    else:
        pooled = _same_pool(f"{name}_pool", x, block.pool)
        branches.append(_conv_bn_relu(pooled, f"{name}_pool_proj", block.projection, 1))
    return keras.layers.Concatenate(name=f"{name}_output")(branches)


def _begin_double(block: Block, x: Any) -> Any:
    """Applies the first two convolutions of the branch with three of them."""
    name = f"inception_{block.name}_double_3x3"
    x = _conv_bn_relu(x, f"{name}_reduce", block.double_reduce, 1)
    return _conv_bn_relu(x, f"{name}_1", block.double, 3)


def _conv_bn_relu(x: Any, name: str, filters: int, kernel_size: int, strides: int = 1) -> Any:
    x = conv(name, x, filters, kernel_size, strides, use_bias=True)
    return keras.layers.ReLU(name=f"{name}_relu")(batch_norm(f"{name}_bn", x))


def _max_pool(name: str, x: Any) -> Any:
    """Halves the size, rounded up, as PyTorch does with `ceil_mode` for odd sizes and even ones.

    The zeros beyond the edge never win, because they follow a ReLU.
    """
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)


def _same_pool(name: str, x: Any, kind: str) -> Any:
    """Pools without changing the size; the padding counts in an average, as in PyTorch."""
    if kind == "max":
        return keras.layers.MaxPooling2D(3, 1, padding="same", name=name)(x)
    x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.AveragePooling2D(3, 1, name=name)(x)


def convolution_names() -> set[str]:
    """Returns the official names of all convolutions; batch norms have `_bn` at the end."""
    names = {name for name, *_ in _STEM}
    return names.union(*(block.convolutions() for block in BLOCKS))


def infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Returns the fields of `ModelSpec` that the shapes of official weights determine.

    The names do not say whether and where the network shifts.

    Args:
        shapes: official names without wrappers to shapes in PyTorch's layout.

    Returns:
        The backbone, `"channels"`, those of a frame, and the only shift of the official code that
        all blocks can have; None if it is another network.
    """
    layers = {name.rpartition(".")[0] for name in shapes}
    found = {name for name in layers if name.startswith(("conv", "inception", "res"))}
    own = convolution_names()
    if found != own | {f"{name}_bn" for name in own}:
        return None
    channels = shapes[f"{_FIRST}.weight"][1]
    return {"backbone": "bn_inception", "channels": channels, "shift_place": "block"}
