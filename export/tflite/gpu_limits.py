"""Finds what the GPU delegates of phones are reported to compute incorrectly."""

from export.format.reader import Graph

_MAX_DIMENSIONS = 4


def find_problems(graph: Graph) -> list[str]:
    """Returns the obstacles to GPU delegates; empty if the graph suits them.

    They accept tensors of at most 4 dimensions. On some Mali drivers, outputs that an operator also
    reads, and inputs that are returned unchanged, had wrong values.
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
    return found
