"""Checks whether a `.tflite` file is safe to hand to an interpreter.

Interpreters trust a file and read or write wherever it points. `export.format.reader` has made sure
that nothing lies outside the file. This module allows only what the exporter writes: the fields,
operators, options, types, constants and scales in `allowed_operators.json`, and results of the
shapes that `export.format.shapes` computes. Everything else is refused by name.
"""

import dataclasses

from export.format.allowed import allowed
from export.format.check_operator import SIZES, Effort, check_operator, num_bytes
from export.format.flatbuffer import Damaged
from export.format.reader import Graph, Model, Tensor


def verify(model: Model) -> None:
    """Checks that an interpreter that runs the model only accesses memory that belongs to it.

    Raises:
        Damaged: it would not, or the file contains something that the exporter never writes.
    """
    if model.unknown:
        raise Damaged(f"{', '.join(model.unknown)}, which this project never writes")
    if (model.version, len(model.graphs), len(model.signatures)) != (3, 1, 1):
        counts = f"{len(model.graphs)} graphs and {len(model.signatures)} signatures"
        raise Damaged(f"schema version {model.version} with {counts}, not 3 with one each")
    if not model.buffers or model.buffers[0].size:
        raise Damaged("no empty first buffer, to which computed tensors refer")

    graph = model.graphs[0]
    for index, tensor in enumerate(graph.tensors):
        _check_tensor(index, tensor, model)
    _check_interface(graph, model)

    constants = _constants(graph, model)
    _check_order(graph, constants)
    _check_operators(graph, model, constants)


def _check_tensor(index: int, tensor: Tensor, model: Model) -> None:
    limits = allowed().limits
    if tensor.dtype not in SIZES:
        raise Damaged(f"tensor {index} of the type {tensor.dtype}")
    if tensor.buffer >= len(model.buffers):
        raise Damaged(f"tensor {index} in buffer {tensor.buffer} of {len(model.buffers)}")

    size = num_bytes(tensor)
    is_small = len(tensor.shape) <= limits["rank"] and size <= limits["live_bytes"]
    if min(tensor.shape, default=1) < 1 or not is_small:
        raise Damaged(f"tensor {index} of the shape {tensor.shape}")

    stored = model.constant(tensor)
    if stored.size not in (0, size):
        raise Damaged(f"tensor {index} of {size} bytes, {stored.size} of which are stored")
    if stored.size and stored.__array_interface__["data"][0] % SIZES[tensor.dtype]:
        raise Damaged(f"tensor {index}, which is not aligned")
    _check_scales(index, tensor, limits)


def _check_scales(index, tensor, limits):
    if len(tensor.scale) != len(tensor.zero_point):
        counts = f"{len(tensor.scale)} scales and {len(tensor.zero_point)} zero points"
        raise Damaged(f"tensor {index} with {counts}")

    # A multiplier is a ratio of scales in 32 bits: kernels abort if it is NaN or out of range.
    for scale in tensor.scale:
        if not limits["smallest_scale"] <= scale <= limits["largest_scale"]:
            raise Damaged(f"tensor {index} with the scale {scale}")

    smallest, largest = {"int8": (-128, 127), "uint8": (0, 255)}.get(tensor.dtype, (0, 0))
    for zero_point in tensor.zero_point:
        if not smallest <= zero_point <= largest:
            raise Damaged(f"tensor {index} with the zero point {zero_point}")


def _check_interface(graph: Graph, model: Model) -> None:
    """Checks that the signature names the graph's inputs and outputs, and that caches match."""
    for indices in (graph.inputs, graph.outputs):
        _check_range(indices, graph, "an input or output")
    # An output may occur twice: two caches may hold the same tensor.
    if len(set(graph.inputs)) != len(graph.inputs):
        raise Damaged("an input that occurs twice")

    inputs, outputs = model.signatures[0].inputs, model.signatures[0].outputs
    if {*inputs.values()} != {*graph.inputs} or {*outputs.values()} != {*graph.outputs}:
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


def _constants(graph: Graph, model: Model) -> set[int]:
    """Returns the tensors that are stored in the file."""
    return {i for i, tensor in enumerate(graph.tensors) if model.constant(tensor).size}


def _check_order(graph: Graph, constants: set[int]) -> None:
    """Checks that tensors are written before they are read, and that each is written once.

    Constants lie in the file, and are never written.
    """
    if constants.intersection(graph.inputs):
        raise Damaged("an input that is a constant")
    if len(graph.operators) > allowed().limits["operators"]:
        raise Damaged(f"{len(graph.operators)} operators")

    ready = constants | set(graph.inputs)
    for number, operator in enumerate(graph.operators):
        inputs = [index for index in operator.inputs if index != -1]
        _check_range((*inputs, *operator.outputs), graph, f"a tensor of operator {number}")
        if not ready.issuperset(inputs):
            raise Damaged(f"operator {number}, which reads a tensor before it is written")
        if ready.intersection(operator.outputs):
            raise Damaged(f"operator {number}, which overwrites a tensor")
        ready.update(operator.outputs)

    if not ready.issuperset(graph.outputs):
        raise Damaged("an output that is never written")


def _check_operators(graph: Graph, model: Model, constants: set[int]) -> None:
    """Checks each operator, and that the memory and the time of a step are bounded."""
    fixed, effort = set(constants), Effort()
    bounds = {}

    for operator in graph.operators:
        if operator.name not in allowed().operators:
            raise Damaged(f"an operator {operator.name}, which this project never writes")
        try:
            effort += check_operator(operator, graph, model, fixed, bounds)
        except Damaged as error:
            raise Damaged(f"an operator {operator.name} with {error}") from None
        if fixed.issuperset(operator.inputs):  # a DEQUANTIZE of weights
            fixed.update(operator.outputs)

    effort = dataclasses.replace(effort, live_bytes=_live_bytes(graph))
    for name, value in dataclasses.asdict(effort).items():
        if value > allowed().limits[name]:
            raise Damaged(f"operators that need {value} {name.replace('_', ' ')}")


def _live_bytes(graph):
    """Returns the most bytes of computed tensors that are in memory at the same time."""
    last_use = {
        index: number
        for number, operator in enumerate(graph.operators)
        for index in operator.inputs
    }
    last_use |= dict.fromkeys((*graph.inputs, *graph.outputs), len(graph.operators))

    live = {index: num_bytes(graph.tensors[index]) for index in graph.inputs}
    total = most = sum(live.values())
    for number, operator in enumerate(graph.operators):
        live |= {index: num_bytes(graph.tensors[index]) for index in operator.outputs}
        total += sum(live[index] for index in operator.outputs)
        most = max(most, total)
        for index in {*operator.inputs, *operator.outputs}:
            if last_use.get(index, -1) <= number:
                total -= live.pop(index, 0)
    return most
