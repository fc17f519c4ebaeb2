"""The shape of each operator's result, computed from its inputs, options and constants.

Each function raises `Damaged` if an operator cannot have a result. Kernels assume most of these
rules without checking them.
"""

import math
from collections.abc import Callable

import numpy as np

from export.format.flatbuffer import Damaged
from export.format.operator_call import Call, Shape, position_of, require
from export.format.selection_shapes import gather, non_max_suppression, top_k, unpack


def _same(call):
    return call.shapes[0]


def _any(call):
    return call.result


def _broadcast(call):
    first, second = call.shapes
    is_simple = first == second or 1 in (math.prod(first), math.prod(second))
    rank = max(len(first), len(second))
    require(is_simple or rank <= call.broadcast_rank, f"shapes that differ in {rank} dimensions")
    return _broadcast_shapes(first, second)


def _broadcast_shapes(first, second):
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise Damaged("inputs whose shapes differ") from None


def _prelu(call):
    source, slopes = call.shapes
    require(len(source) <= 4 and _broadcast_shapes(source, slopes) == source, "too many slopes")
    return source


def _windows(call, size, kernel, side):
    """Returns the number of windows along the height (`"h"`) or width (`"w"`)."""
    stride, dilation = call.options[f"stride_{side}"], call.options.get(f"dilation_{side}", 1)
    if call.options["padding"] == 0:  # SAME
        return -(-size // stride)
    return (size - (kernel - 1) * dilation - 1) // stride + 1


def _image(shape):
    require(len(shape) == 4, "an image without 4 dimensions")
    return shape


def _conv(call):
    batch, height, width, channels = _image(call.shapes[0])
    filters, *kernel, depth = _image(call.shapes[1])
    groups = channels // depth
    require(channels == groups * depth and filters % groups == 0, "filters of another depth")
    _check_bias(call, 2, filters)
    return (
        batch,
        _windows(call, height, kernel[0], "h"),
        _windows(call, width, kernel[1], "w"),
        filters,
    )


def _depthwise_conv(call):
    batch, height, width, channels = _image(call.shapes[0])
    one, *kernel, filters = _image(call.shapes[1])
    multiplier = call.options["depth_multiplier"]
    require(one == 1 and filters == channels * multiplier, "filters of another depth")
    _check_bias(call, 2, filters)
    return (
        batch,
        _windows(call, height, kernel[0], "h"),
        _windows(call, width, kernel[1], "w"),
        filters,
    )


def _transpose_conv(call):
    shape = tuple(call.constants[0].ravel().tolist())
    require(call.shapes[0] == (4,) and min(shape) >= 1, "a wrong shape of its output")
    filters, *kernel, depth = _image(call.shapes[1])
    batch, height, width, channels = _image(call.shapes[2])

    require(depth == channels and shape[0] == batch, "filters of another depth")
    require(shape[3] == filters, "another number of filters than channels")
    require(_windows(call, shape[1], kernel[0], "h") == height, "another height")
    require(_windows(call, shape[2], kernel[1], "w") == width, "another width")
    _check_bias(call, 3, filters)
    return shape


def _check_bias(call, position, units):
    if len(call.shapes) > position:
        require(call.shapes[position] == (units,), "a bias of another size")


def _pool(call):
    batch, height, width, channels = _image(call.shapes[0])
    return (
        batch,
        _windows(call, height, call.options["filter_h"], "h"),
        _windows(call, width, call.options["filter_w"], "w"),
        channels,
    )


def _fully_connected(call):
    source, weights = call.shapes[:2]
    require(len(weights) == 2 and source, "weights that are not a matrix")
    units, depth = weights
    _check_bias(call, 2, units)
    if call.options["keep_num_dims"]:
        require(source[-1] == depth, "weights of another depth")
        return (*source[:-1], units)
    require(math.prod(source) % depth == 0, "weights of another depth")
    return (math.prod(source) // depth, units)


def _batch_matmul(call):
    left, right = call.shapes
    require(len(left) == len(right) >= 2, "matrices with other dimensions")
    rows, depth = left[-2:][:: -1 if call.options["adj_x"] else 1]
    other, columns = right[-2:][:: -1 if call.options["adj_y"] else 1]
    require(depth == other and left[:-2] == right[:-2], "matrices that do not fit")
    return (*left[:-2], rows, columns)


def _concatenation(call):
    first = call.shapes[0]
    axis = position_of(call.options["axis"], len(first))
    total = 0
    for shape in call.shapes:
        require(len(shape) == len(first), "inputs with other dimensions")
        require(
            (*shape[:axis], *shape[axis + 1 :]) == (*first[:axis], *first[axis + 1 :]),
            "inputs whose shapes differ",
        )
        total += shape[axis]
    return (*first[:axis], total, *first[axis + 1 :])


def _axes(call):
    axes = [position_of(axis, len(call.shapes[0])) for axis in call.constants[1].ravel().tolist()]
    require(axes and len(set(axes)) == len(axes), "axes that are not distinct")
    return axes


def _reduce(call):
    require(len(call.shapes[1]) <= 1, "axes that are not a list")
    axes = _axes(call)
    if call.options["keep_dims"]:
        return tuple(1 if i in axes else size for i, size in enumerate(call.shapes[0]))
    return tuple(size for i, size in enumerate(call.shapes[0]) if i not in axes)


def _reverse(call):
    require(call.shapes[1] == (1,), "more than one axis")
    _axes(call)
    return call.shapes[0]


def _transpose(call):
    require(call.shapes[1] == (len(call.shapes[0]),), "another number of axes")
    axes = call.constants[1].tolist()
    require(sorted(axes) == list(range(len(axes))), "axes that are no permutation")
    return tuple(call.shapes[0][axis] for axis in axes)


def _pad(call):
    source = call.shapes[0]
    require(call.shapes[1] == (len(source), 2), "another number of paddings")
    paddings = call.constants[1]
    require((paddings >= 0).all(), "a negative padding")
    return tuple((paddings.sum(axis=1) + source).tolist())


def _tile(call):
    source = call.shapes[0]
    require(call.shapes[1] == (len(source),), "another number of repetitions")
    repetitions = call.constants[1]
    require((repetitions >= 1).all(), "a number of repetitions below 1")
    return tuple((repetitions * source).tolist())


def _per_dimension(call):
    """Returns constants with one value per dimension."""
    rank = len(call.shapes[0])
    require(all(shape == (rank,) for shape in call.shapes[1:]), "another number of dimensions")
    return [call.constants[i].tolist() for i in range(1, len(call.shapes))]


def _slice(call):
    result = []
    for start, size, length in zip(*_per_dimension(call), call.shapes[0], strict=True):
        size = length - start if size == -1 else size
        require(0 <= start < start + size <= length, "a part outside its input")
        result.append(size)
    return tuple(result)


def _strided_slice(call):
    result = []
    masks = call.options["begin_mask"], call.options["end_mask"]
    single = call.options["shrink_axis_mask"]
    for i, (begin, end, stride, length) in enumerate(
        zip(*_per_dimension(call), call.shapes[0], strict=True)
    ):
        if single >> i & 1:  # one position, without the dimension
            is_inside = 0 <= begin < length and end == begin + 1 and stride == 1
            is_masked = (masks[0] | masks[1]) >> i & 1
            require(is_inside and not is_masked, "a position outside its input")
            continue
        begin, end = (
            None if mask >> i & 1 else at for mask, at in zip(masks, (begin, end), strict=True)
        )
        require(stride >= 1, f"a stride of {stride}")
        result.append(len(range(length)[begin:end:stride]))
    return tuple(result)


def _reshape(call):
    wanted = tuple(call.constants[1].ravel().tolist())
    fits = len(wanted) == len(call.result) and all(
        size in (-1, actual) for size, actual in zip(wanted, call.result, strict=True)
    )
    require(len(call.shapes[1]) == 1 and wanted.count(-1) <= 1 and fits, "another shape")
    require(math.prod(call.shapes[0]) == math.prod(call.result), "another size than its input")
    return call.result


def _resize_bilinear(call):
    batch, _, _, channels = _image(call.shapes[0])
    require(call.shapes[1] == (2,), "another number of sizes")
    height, width = call.constants[1].tolist()
    return (batch, height, width, channels)


RULES: dict[str, Callable[[Call], Shape]] = {
    "any": _any,
    "batch_matmul": _batch_matmul,
    "broadcast": _broadcast,
    "concatenation": _concatenation,
    "conv": _conv,
    "depthwise_conv": _depthwise_conv,
    "fully_connected": _fully_connected,
    "gather": gather,
    "non_max_suppression": non_max_suppression,
    "pad": _pad,
    "pool": _pool,
    "prelu": _prelu,
    "reduce": _reduce,
    "reshape": _reshape,
    "resize_bilinear": _resize_bilinear,
    "reverse": _reverse,
    "same": _same,
    "slice": _slice,
    "strided_slice": _strided_slice,
    "tile": _tile,
    "top_k": top_k,
    "transpose": _transpose,
    "transpose_conv": _transpose_conv,
    "unpack": unpack,
}
"""The rules by the names that `allowed_operators.json` uses."""
