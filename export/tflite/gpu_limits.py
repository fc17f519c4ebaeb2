"""What a phone's GPU delegate is reported to get wrong, looked for in a file."""

from export.format.reader import Model

_MOST_DIMENSIONS = 4


def problems(model: Model) -> list[str]:
    """Returns what is in the way of GPU delegates; nothing if a file suits them.

    They take tensors of at most 4 dimensions. Outputs that an operator reads too, and inputs that are outputs as they
    are, came back wrong on some Mali drivers.
    """
    found = []
    graph = model.graphs[0]
    read = {index for operator in graph.operators for index in operator.inputs}
    for index, tensor in enumerate(graph.tensors):
        if len(tensor.shape) > _MOST_DIMENSIONS:
            found.append(f"{tensor.name} has {len(tensor.shape)} dimensions")
        if index in graph.outputs and index in read:
            found.append(f"{tensor.name} is given out and read")
        if index in graph.outputs and index in graph.inputs:
            found.append(f"{tensor.name} passes from input to output")
    return found
