"""Finds what the GPU delegates of phones are reported to compute incorrectly."""

from export.format.reader import Graph

_MAX_DIMENSIONS = 4
_FAULTY = (
    # LiteRT #8598 and #9191; the others have no kernel on some GPUs
    "RELU_0_TO_1",
    "BROADCAST_TO",
    "GATHER_ND",
    "SELECT",
    "SELECT_V2",
    "SPLIT",
)


def find_problems(graph: Graph) -> list[str]:
    """Returns the obstacles to GPU delegates; empty if the graph suits them.

    They accept tensors of at most 4 dimensions. On some Mali drivers, outputs that an operator also
    reads (LiteRT #8599), inputs that are returned unchanged, and results of operators with two
    equal inputs (LiteRT #9192) had wrong values.
    """
    found = []
    read = {index for operator in graph.operators for index in operator.inputs}
    for index, tensor in enumerate(graph.tensors):
        if len(tensor.shape) > _MAX_DIMENSIONS:
            found.append(f"{tensor.name} has {len(tensor.shape)} dimensions")
        if index in graph.outputs and index in read:
            found.append(f"{tensor.name} is an output that an operator also reads")
        if index in graph.outputs and index in graph.inputs:
            found.append(f"{tensor.name} is an input that is returned unchanged")
    for operator in graph.operators:
        if operator.name in _FAULTY:
            found.append(f"{operator.name} is computed incorrectly by some GPUs")
        inputs = [index for index in operator.inputs if index >= 0]
        if len(set(inputs)) < len(inputs):
            found.append(f"{operator.name} reads the same tensor twice")
    return found
