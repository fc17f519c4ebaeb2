"""Is a `.tflite` file safe to hand to an interpreter? tflite-runtime trusts it, and reads or writes wherever it points.

`export.format.reader` has made sure that nothing lies outside the file; this is about what the numbers mean. What
passes can still be nonsense: interpreters hold shapes against each other, and refuse with an error of their own.
"""

import itertools
import math

import numpy as np

from export.format.flatbuffer import Damaged
from export.format.reader import Graph, Model, Operator, Tensor

_BIGGEST_TENSOR = 2**30
"""Bytes: a clip of 16 frames of 256x256 has activations of 268 MB. An interpreter that gets no memory aborts."""

_TYPES = {
    "float32",
    "float16",
    "int32",
    "uint8",
    "int64",
    "bool",
    "int16",
    "int8",
    "uint32",
    "uint16",
}
_REFUSED = {
    *("IF", "WHILE", "CALL", "CALL_ONCE"),  # they run graphs by number
    *(
        "VAR_HANDLE",
        "READ_VARIABLE",
        "ASSIGN_VARIABLE",
        "HASHTABLE",
        "HASHTABLE_FIND",
        "HASHTABLE_IMPORT",
    ),
    *("HASHTABLE_SIZE", "CONCAT_EMBEDDINGS", "BUCKETIZE"),  # their options point to more
}
_DIVISORS = {
    # the kind of options in the schema's union BuiltinOptions, and the fields that kernels divide or multiply sizes by
    "CONV_2D": (1, (1, 2, 4, 5)),
    "DEPTHWISE_CONV_2D": (2, (1, 2, 3, 5, 6)),
    "AVERAGE_POOL_2D": (5, (1, 2, 3, 4)),
    "MAX_POOL_2D": (5, (1, 2, 3, 4)),
    "TRANSPOSE_CONV": (49, (1, 2)),
    "SPACE_TO_DEPTH": (19, (0,)),
    "DEPTH_TO_SPACE": (94, (0,)),
}
_DEFAULT_ONE = {
    ("CONV_2D", 4),
    ("CONV_2D", 5),
    ("DEPTHWISE_CONV_2D", 5),
    ("DEPTHWISE_CONV_2D", 6),
}  # dilations
_BIGGEST_DIVISOR = 4096
_REDUCTIONS = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"}
_SHAPED = {"SLICE", "PAD", "FULLY_CONNECTED", *_REDUCTIONS}
_SHAPES_IN_OPTIONS = {17, 30}  # ReshapeOptions, SqueezeOptions


def verify(model: Model) -> None:
    """Checks that an interpreter which runs the model stays inside the memory that it was given.

    Raises:
        Damaged: it does not, or nobody could tell.
    """
    if model.version != 3 or len(model.graphs) != 1:
        raise Damaged(
            f"schema version {model.version} with {len(model.graphs)} graphs, not 3 with one"
        )
    graph = model.graphs[0]
    for index, tensor in enumerate(graph.tensors):
        _tensor(index, tensor, model)
    _interface(graph, model)
    _order(graph, model)
    for operator in graph.operators:
        _options(operator)
        if operator.name in _SHAPED and not _has_its_shape(operator, graph, model):
            raise Damaged(f"a {operator.name} whose result has another shape")
        if operator.name in ("ADD", "SUB") and not _can_be_scaled(operator, graph):
            raise Damaged(f"an {operator.name} whose result has too small a scale")


def _can_be_scaled(operator: Operator, graph: Graph) -> bool:
    """Kernels of 8 bits compute with 20 bits more, and abort the process where a result would need still more."""
    inputs, (output, *_) = (
        [graph.tensors[i] for i in part if i >= 0] for part in (operator.inputs, operator.outputs)
    )
    if output.dtype not in ("int8", "uint8") or not all(
        tensor.scale for tensor in (*inputs, output)
    ):
        return True
    return 2 * max(tensor.scale[0] for tensor in inputs) < 2**20 * output.scale[0]


def _interface(graph: Graph, model: Model):
    """The signature names the graph's inputs and outputs, all and no others; a cache goes in as it comes out."""
    for indices in (graph.inputs, graph.outputs):
        _in_range(indices, graph, "an input or output")
    if len(set(graph.inputs)) != len(graph.inputs):  # an output may: two caches of the same tensor
        raise Damaged("an input that is there twice")
    for signature in model.signatures:
        inputs, outputs = signature.inputs, signature.outputs
        if (
            signature.graph
            or {*inputs.values()} != {*graph.inputs}
            or {*outputs.values()} != {*graph.outputs}
        ):
            raise Damaged("a signature of other tensors than the graph's inputs and outputs")
        for name in inputs.keys() & outputs.keys():
            old, new = graph.tensors[inputs[name]], graph.tensors[outputs[name]]
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise Damaged(
                    f"{name} of {old.dtype} {old.shape} in and {new.dtype} {new.shape} out"
                )


def _in_range(indices, graph, what):
    for index in indices:
        if not 0 <= index < len(graph.tensors):
            raise Damaged(f"{what} that is tensor {index} of {len(graph.tensors)}")


def _tensor(index: int, tensor: Tensor, model: Model):
    if tensor.dtype not in _TYPES:
        raise Damaged(f"tensor {index} of the type {tensor.dtype}")
    if tensor.buffer >= len(model.buffers):
        raise Damaged(f"tensor {index} in buffer {tensor.buffer} of {len(model.buffers)}")
    size = math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize
    if min(tensor.shape, default=1) < 1 or size > _BIGGEST_TENSOR or len(tensor.shape) > 8:
        raise Damaged(f"tensor {index} of the shape {tensor.shape}")
    stored = model.constant(tensor).size
    if stored and stored != size:
        raise Damaged(f"tensor {index} of {size} bytes, {stored} of which are stored")
    scales = len(tensor.scale)
    if scales > 1 and not (
        0 <= tensor.axis < len(tensor.shape) and tensor.shape[tensor.axis] == scales
    ):
        raise Damaged(f"tensor {index} with {scales} scales")
    if scales and len(tensor.zero_point) not in (1, scales):
        raise Damaged(f"tensor {index} with {len(tensor.zero_point)} zero points")
    # A multiplier is a ratio of scales in 32 bits: kernels abort on one that is no number or out of their range.
    if not all(1e-12 < scale < 1e12 for scale in tensor.scale):
        raise Damaged(f"tensor {index} with the scale {tensor.scale[0]}")


def _order(graph: Graph, model: Model):
    """Nothing is read before it has memory, and nothing writes to a constant, which lies in the file."""
    constant = {i for i, tensor in enumerate(graph.tensors) if model.constant(tensor).size}
    ready = (
        constant
        | set(graph.inputs)
        | {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable}
    )
    if constant.intersection(graph.inputs):
        raise Damaged("an input that is a constant")
    written = set(graph.inputs)
    for number, operator in enumerate(graph.operators):
        inputs = [index for index in operator.inputs if index != -1]
        least = 2 if operator.name in _SHAPED else 1
        if (
            -1 in operator.inputs[:2] or len(inputs) < least or not operator.outputs
        ):  # only a bias may be left out
            raise Damaged(f"operator {number}, which lacks an input or output")
        _in_range(
            itertools.chain(inputs, operator.outputs), graph, f"a tensor of operator {number}"
        )
        if not ready.issuperset(inputs):
            raise Damaged(f"operator {number}, which reads what nobody has written")
        if constant.intersection(operator.outputs) or written.intersection(operator.outputs):
            raise Damaged(f"operator {number}, which writes what is written already")
        written.update(operator.outputs)
        ready.update(operator.outputs)
    if not ready.issuperset(graph.outputs):
        raise Damaged("an output that nobody has written")


def _options(operator: Operator):
    if operator.name in _REFUSED:
        raise Damaged(f"an operator {operator.name}, of which this project has no use")
    if operator.options_type in _SHAPES_IN_OPTIONS and operator.options:
        operator.options.array(0, "<i4")
    if operator.name in _DIVISORS:
        kind, fields = _DIVISORS[operator.name]
        if operator.options_type != kind or operator.options is None:
            raise Damaged(f"an operator {operator.name} without its options")
        for field in fields:
            value = operator.options.number(field, "i", int((operator.name, field) in _DEFAULT_ONE))
            if not 1 <= value <= _BIGGEST_DIVISOR:
                raise Damaged(
                    f"an operator {operator.name} with a stride, size or dilation of {value}"
                )


def _has_its_shape(operator: Operator, graph: Graph, model: Model) -> bool:
    """Whether an operator's result has the shape that its inputs give, where kernels take that for granted."""
    source, *others = (graph.tensors[index] for index in operator.inputs if index >= 0)
    result, shape = graph.tensors[operator.outputs[0]].shape, source.shape
    if (
        operator.name == "FULLY_CONNECTED"
    ):  # its kernel divides the input into rows, whether they come out even or not
        units, depth = others[0].shape if len(others[0].shape) == 2 else (0, 0)
        return math.prod(shape) * units == math.prod(result) * depth > 0
    numbers = [
        np.frombuffer(model.constant(tensor), tensor.dtype).astype("i8") for tensor in others
    ]
    sizes, rank = [values.size for values in numbers], len(shape)
    if operator.name == "SLICE" and sizes == [rank, rank]:
        begin, size = numbers
        size = np.where(size == -1, shape - begin, size)
        return (begin >= 0).all() and (begin + size <= shape).all() and tuple(size) == result
    if operator.name == "PAD" and sizes == [2 * rank]:
        paddings = numbers[0].reshape(rank, 2)
        return (paddings >= 0).all() and tuple(shape + paddings.sum(axis=1)) == result
    if (
        operator.name in _REDUCTIONS
        and sizes[0]
        and (numbers[0] >= -rank).all()
        and (numbers[0] < rank).all()
    ):
        axes = {int(axis) % rank for axis in numbers[0]}
        if operator.options and operator.options.number(0, "B"):
            return result == tuple(1 if i in axes else size for i, size in enumerate(shape))
        return result == tuple(size for i, size in enumerate(shape) if i not in axes)
    return False
