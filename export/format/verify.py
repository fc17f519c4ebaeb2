"""Checks whether a `.tflite` file is safe to hand to an interpreter.

Interpreters trust a file and read or write wherever it points. `export.format.reader` has made sure
that nothing lies outside the file; this module checks what the numbers mean. A file that passes can
still be nonsense: interpreters compare shapes with each other and report their own errors.
"""

import itertools
import math

import numpy as np

from export.format.flatbuffer import Damaged
from export.format.reader import Graph, Model, Operator, Tensor

_BIGGEST_TENSOR = 2**30
"""In bytes. A clip of 16 frames of 256x256 has activations of 268 MB; an interpreter that runs out
of memory aborts the process."""

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
    # operators that run a graph by its number
    "IF",
    "WHILE",
    "CALL",
    "CALL_ONCE",
    # operators whose options refer to further data
    "VAR_HANDLE",
    "READ_VARIABLE",
    "ASSIGN_VARIABLE",
    "HASHTABLE",
    "HASHTABLE_FIND",
    "HASHTABLE_IMPORT",
    "HASHTABLE_SIZE",
    "CONCAT_EMBEDDINGS",
    "BUCKETIZE",
}
_DIVISORS = {
    # operator: (its member of the schema's union BuiltinOptions, the fields of the options by
    # which kernels divide or multiply sizes)
    "CONV_2D": (1, (1, 2, 4, 5)),
    "DEPTHWISE_CONV_2D": (2, (1, 2, 3, 5, 6)),
    "AVERAGE_POOL_2D": (5, (1, 2, 3, 4)),
    "MAX_POOL_2D": (5, (1, 2, 3, 4)),
    "TRANSPOSE_CONV": (49, (1, 2)),
    "SPACE_TO_DEPTH": (19, (0,)),
    "DEPTH_TO_SPACE": (94, (0,)),
}
_DEFAULT_ONE = {
    # dilations; the other fields default to 0
    ("CONV_2D", 4),
    ("CONV_2D", 5),
    ("DEPTHWISE_CONV_2D", 5),
    ("DEPTHWISE_CONV_2D", 6),
}
_BIGGEST_DIVISOR = 4096
_REDUCTIONS = {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"}
_SHAPED = {"SLICE", "PAD", "FULLY_CONNECTED", *_REDUCTIONS}
_SHAPES_IN_OPTIONS = {17, 30}  # ReshapeOptions, SqueezeOptions


def verify(model: Model) -> None:
    """Checks that an interpreter that runs the model only accesses memory that belongs to it.

    Raises:
        Damaged: it would not, or this cannot be verified.
    """
    if model.version != 3 or len(model.graphs) != 1:
        raise Damaged(
            f"schema version {model.version} with {len(model.graphs)} graphs, not 3 with one"
        )

    graph = model.graphs[0]
    for index, tensor in enumerate(graph.tensors):
        _check_tensor(index, tensor, model)
    _check_interface(graph, model)
    _check_order(graph, model)

    for operator in graph.operators:
        _check_options(operator)
        if operator.name in _SHAPED and not _has_its_shape(operator, graph, model):
            raise Damaged(f"a {operator.name} whose result has another shape")
        if operator.name in ("ADD", "SUB") and not _can_be_scaled(operator, graph):
            raise Damaged(f"an {operator.name} whose result has too small a scale")


def _can_be_scaled(operator: Operator, graph: Graph) -> bool:
    """Kernels for 8 bits compute with 20 more bits, and abort the process if that is not enough."""
    inputs, (output, *_) = (
        [graph.tensors[i] for i in part if i >= 0] for part in (operator.inputs, operator.outputs)
    )
    if output.dtype not in ("int8", "uint8") or not all(
        tensor.scale for tensor in (*inputs, output)
    ):
        return True
    return 2 * max(tensor.scale[0] for tensor in inputs) < 2**20 * output.scale[0]


def _check_interface(graph: Graph, model: Model):
    """Checks that signatures name exactly the graph's inputs and outputs, and that caches match."""
    for indices in (graph.inputs, graph.outputs):
        _check_range(indices, graph, "an input or output")
    # An output may occur twice: two caches may hold the same tensor.
    if len(set(graph.inputs)) != len(graph.inputs):
        raise Damaged("an input that occurs twice")

    for signature in model.signatures:
        inputs, outputs = signature.inputs, signature.outputs
        if (
            signature.graph
            or {*inputs.values()} != {*graph.inputs}
            or {*outputs.values()} != {*graph.outputs}
        ):
            raise Damaged("a signature with other tensors than the graph's inputs and outputs")

        for name in inputs.keys() & outputs.keys():
            old, new = graph.tensors[inputs[name]], graph.tensors[outputs[name]]
            if (old.shape, old.dtype) != (new.shape, new.dtype):
                raise Damaged(
                    f"{name} that is {old.dtype} {old.shape} in and {new.dtype} {new.shape} out"
                )


def _check_range(indices, graph, what):
    for index in indices:
        if not 0 <= index < len(graph.tensors):
            raise Damaged(f"{what} that is tensor {index} of {len(graph.tensors)}")


def _check_tensor(index: int, tensor: Tensor, model: Model):
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
    # A multiplier is a ratio of scales in 32 bits: kernels abort if it is NaN or out of range.
    if not all(1e-12 < scale < 1e12 for scale in tensor.scale):
        raise Damaged(f"tensor {index} with the scale {tensor.scale[0]}")


def _check_order(graph: Graph, model: Model):
    """Checks that tensors are written before they are read, and that no constant is written.

    Constants lie in the file, which is not writable.
    """
    constant = {i for i, tensor in enumerate(graph.tensors) if model.constant(tensor).size}
    variable = {i for i, tensor in enumerate(graph.tensors) if tensor.is_variable}
    if constant.intersection(graph.inputs):
        raise Damaged("an input that is a constant")

    ready = constant | variable | set(graph.inputs)
    written = set(graph.inputs)
    for number, operator in enumerate(graph.operators):
        inputs = [index for index in operator.inputs if index != -1]
        least = 2 if operator.name in _SHAPED else 1
        # Only a bias, the third input, may be absent.
        if -1 in operator.inputs[:2] or len(inputs) < least or not operator.outputs:
            raise Damaged(f"operator {number}, which lacks an input or output")
        tensors = itertools.chain(inputs, operator.outputs)
        _check_range(tensors, graph, f"a tensor of operator {number}")

        if not ready.issuperset(inputs):
            raise Damaged(f"operator {number}, which reads a tensor before it is written")
        if constant.intersection(operator.outputs) or written.intersection(operator.outputs):
            raise Damaged(f"operator {number}, which overwrites a tensor")
        written.update(operator.outputs)
        ready.update(operator.outputs)

    if not ready.issuperset(graph.outputs):
        raise Damaged("an output that is never written")


def _check_options(operator: Operator):
    if operator.name in _REFUSED:
        raise Damaged(f"an operator {operator.name}, which this project never writes")
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
    """Returns whether an operator's result has the shape that its kernel assumes unchecked."""
    source, *others = (graph.tensors[index] for index in operator.inputs if index >= 0)
    result, shape = graph.tensors[operator.outputs[0]].shape, source.shape

    if operator.name == "FULLY_CONNECTED":
        # The kernel splits the input into rows without checking that they fit.
        units, depth = others[0].shape if len(others[0].shape) == 2 else (0, 0)
        return math.prod(shape) * units == math.prod(result) * depth > 0
    numbers = [
        np.frombuffer(model.constant(tensor), tensor.dtype).astype("i8") for tensor in others
    ]
    sizes, rank = [values.size for values in numbers], len(shape)

    if operator.name == "SLICE" and sizes == [rank, rank]:
        begin, size = numbers
        size = np.where(size == -1, shape - begin, size)
        is_inside = (begin >= 0).all() and (begin + size <= shape).all()
        return bool(is_inside) and tuple(size) == result

    if operator.name == "PAD" and sizes == [2 * rank]:
        paddings = numbers[0].reshape(rank, 2)
        return bool((paddings >= 0).all()) and tuple(shape + paddings.sum(axis=1)) == result

    axes = numbers[0]
    if operator.name in _REDUCTIONS and axes.size and ((-rank <= axes) & (axes < rank)).all():
        reduced = {int(axis) % rank for axis in axes}
        if operator.options and operator.options.number(0, "B"):
            return result == tuple(1 if i in reduced else size for i, size in enumerate(shape))
        return result == tuple(size for i, size in enumerate(shape) if i not in reduced)
    return False
