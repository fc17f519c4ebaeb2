"""The operators that an Edge TPU can run, according to Coral's documentation: one row per operator.

The source is Coral's page "TensorFlow models on the Edge TPU" (coral.ai/docs/edgetpu/models-intro):
its table for compilers 14 to 16, the last ones, and its older table for compiler 2 for rows that we
could read only there. Operators without a row count as not mapped.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from export.format.reader import Graph, Model, Operator

ON_CHIP_BYTES = int(7.9 * 2**20)
"""Approximate share of the 8 MB of SRAM that is available for parameters.

Source: coral.ai/docs/edgetpu/compiler, "Parameter data caching".
"""

_C14, _C2 = "compiler 14", "compiler 2"
_EIGHT_BITS = ("int8", "uint8")


class Row(NamedTuple):
    """A row of Coral's table: its source, a function that checks the limit, and a reservation."""

    source: str
    limit: Callable[[Operator, Graph, Model], str | None] = lambda *_: None
    caution: str | None = None


def why_not(operator: Operator, graph: Graph, model: Model) -> str | None:
    """Returns why an operator stays on the CPU, or None if the Edge TPU runs it."""
    row = TABLE.get(operator.name)
    if row is None:
        return "not in Coral's table of operators"
    return _tensors(operator, graph, model) or row.limit(operator, graph, model)


def cautions(operators: list[Operator]) -> Iterator[str]:
    """Yields the documented reservations about operators that count as mapped."""
    for operator in operators:
        if caution := TABLE[operator.name].caution:
            yield f"{operator.name}: {caution}"


def _tensors(operator, graph, model):
    """Applies the page's "Model requirements".

    Tensors have 8 bits, static shapes, and sizes above 1 in the three innermost dimensions only.
    """
    indices = [index for index in (*operator.inputs, *operator.outputs) if index >= 0]
    for index in indices:
        tensor = graph.tensors[index]
        if model.constant(tensor).size:
            continue  # biases are int32, axes and sizes too
        if tensor.dtype not in _EIGHT_BITS:
            return f"{tensor.dtype} tensors; it computes with int8 and uint8 only"
        if not tensor.is_static:
            return "a dynamic shape; shapes must be known at compile time"
        if math.prod(tensor.shape[:-3]) != 1:
            shape = "x".join(map(str, tensor.shape))
            return (
                f"the shape {shape}; only the three innermost dimensions may be above 1, "
                "so clips and batches are not possible"
            )
    return None


def _constant(position, operator, graph, model):
    """Returns a constant input as an array."""
    tensor = graph.tensors[operator.inputs[position]]
    return np.frombuffer(model.constant(tensor).tobytes(), tensor.dtype)


def _no_activation(field):
    def limit(operator, graph, model):
        return "a fused activation" if operator.options.number(field, "b") else None

    return limit


def _concatenation(operator, graph, model):
    constants = [
        i for i, index in enumerate(operator.inputs) if model.constant(graph.tensors[index]).size
    ]
    for position in constants:
        zero = graph.tensors[operator.inputs[position]].zero_point[:1] or (0,)
        if len(operator.inputs) != 2 or (_constant(position, operator, graph, model) != zero).any():
            return "a constant input that is not zero padding of one other input"
    return _no_activation(1)(operator, graph, model)


def _convolution(dilation_field):
    def limit(operator, graph, model):
        width, height = (operator.options.number(dilation_field + i, "i", 1) for i in range(2))
        if width != height:
            return f"different dilations in x and y, {width} and {height}"
        return _constant_parameters(operator, graph, model)

    return limit


def _constant_parameters(operator, graph, model):
    constants = (
        model.constant(graph.tensors[index]).size for index in operator.inputs[1:] if index >= 0
    )
    return None if all(constants) else "weights that are not constant"


def _fully_connected(operator, graph, model):
    if operator.options.number(1, "b"):
        return "weights in another format than the default"
    shape = graph.tensors[operator.outputs[0]].shape
    if math.prod(shape[:-1]) != 1:
        return f"an output of the shape {'x'.join(map(str, shape))}; it must have one dimension"
    return _constant_parameters(operator, graph, model)


def _not_over_batch(operator, graph, model):
    shape = graph.tensors[operator.inputs[0]].shape
    axes = {int(axis) % len(shape) for axis in _constant(1, operator, graph, model)}
    if len(shape) == 4 and 0 in axes:
        return "a reduction over the batch"
    return None


def _mean(operator, graph, model):
    shape = graph.tensors[operator.inputs[0]].shape
    axes = {int(axis) % len(shape) for axis in _constant(1, operator, graph, model)}
    if len(shape) - 1 in axes and shape[-1] % 4:
        return f"a mean over {shape[-1]} channels, which is not a multiple of 4"
    return _not_over_batch(operator, graph, model)


def _pad(operator, graph, model):
    paddings = _constant(1, operator, graph, model).reshape(-1, 2)
    return "padding of the batch" if len(paddings) == 4 and paddings[0].any() else None


def _softmax(operator, graph, model):
    shape = graph.tensors[operator.inputs[0]].shape
    if math.prod(shape[:-1]) != 1 or shape[-1] > 16000:
        text = "x".join(map(str, shape))
        return f"an input of the shape {text}; it must have one dimension of at most 16,000"
    return None


def _squeeze(operator, graph, model):
    shape = graph.tensors[operator.inputs[0]].shape
    while shape and shape[0] == 1:
        shape = shape[1:]
    return "dimensions of 1 that are not the leading ones" if 1 in shape else None


def _strided_slice(operator, graph, model):
    if operator.options.number(2, "i") or operator.options.number(3, "i"):
        return "an ellipsis or a new axis"
    return "strides other than 1" if (_constant(3, operator, graph, model) != 1).any() else None


def _one_slope_per_channel(operator, graph, model):
    shape = graph.tensors[operator.inputs[1]].shape
    return None if math.prod(shape[:-1]) == 1 else "slopes that differ along height or width"


def _pack(operator, graph, model):
    rank = len(graph.tensors[operator.outputs[0]].shape)
    if rank == 4 and operator.options.number(1, "i") % rank == 0:
        return "packing along the batch"
    return None


_RESIZED = "may not be mapped at some sizes, because of its precision"
TABLE = {
    "ADD": Row(_C14),
    "AVERAGE_POOL_2D": Row(_C14, _no_activation(5)),
    "CONCATENATION": Row(_C14, _concatenation),
    "CONV_2D": Row(_C14, _convolution(4)),
    "DEPTHWISE_CONV_2D": Row(_C14, _convolution(5)),
    "EXPAND_DIMS": Row(_C14),
    "FULLY_CONNECTED": Row(_C14, _fully_connected),
    "L2_NORMALIZATION": Row(_C14),
    "LOGISTIC": Row(_C14),
    "MAXIMUM": Row(_C14),
    "MAX_POOL_2D": Row(_C14, _no_activation(5)),
    "MEAN": Row(_C14, _mean),
    "MINIMUM": Row(_C14),
    "MUL": Row(_C14),
    "PACK": Row(_C14, _pack),
    "PAD": Row(_C14, _pad),
    "PRELU": Row(_C14, _one_slope_per_channel),
    "QUANTIZE": Row(_C14),
    "REDUCE_MAX": Row(_C14, _not_over_batch),
    "REDUCE_MIN": Row(_C14, _not_over_batch),
    "RELU": Row(_C14),
    "RELU6": Row(_C14),
    "RELU_N1_TO_1": Row(_C14),
    "RESHAPE": Row(_C14, caution="may not be mapped for large tensors"),
    "RESIZE_BILINEAR": Row(_C14, caution=_RESIZED),
    "RESIZE_NEAREST_NEIGHBOR": Row(_C2, caution=_RESIZED),
    "SLICE": Row(_C2),
    "SOFTMAX": Row(_C2, _softmax),
    "SPACE_TO_DEPTH": Row(_C2),
    "SPLIT": Row(_C2),
    "SQUEEZE": Row(_C2, _squeeze),
    "STRIDED_SLICE": Row(_C2, _strided_slice),
    "SUB": Row(_C2),
    "TANH": Row(_C2),
}
"""Coral's table, by TFLite's names.

LSTM is omitted, because TFLite's operator of that name is a different one.
"""
