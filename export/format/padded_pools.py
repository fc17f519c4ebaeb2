"""Finds pools whose padding LiteRT's GPU accelerator computes incorrectly.

LiteRT 2.3 merges a PAD operator into the pool that reads its result, as if the zeros were not
there: a maximum of negative values only, next to the edge, is negative instead of 0, and an average
is that of fewer values. After a RELU, a maximum is the same in both ways.
"""

from export.format.allowed import allowed
from export.format.reader import Graph, Operator

_POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")
_NOT_NEGATIVE = ("RELU", "RELU6")
_RELU, _RELU6 = 1, 3  # ActivationFunctionType


def padded_pools(graph: Graph) -> list[int]:
    """Returns the numbers of the PAD operators whose zeros a GPU would ignore.

    Args:
        graph: a graph from `export.format.reader`, with the options of its operators.
    """
    written_by = {index: operator for operator in graph.operators for index in operator.outputs}
    readers = {}
    for operator in graph.operators:
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator.name)

    found = []
    for number, operator in enumerate(graph.operators):
        if operator.name == "PAD":
            pools = {name for name in readers.get(operator.outputs[0], ()) if name in _POOLS}
            source = written_by.get(operator.inputs[0])
            if pools and not (pools == {"MAX_POOL_2D"} and _is_not_negative(source)):
                found.append(number)
    return found


def _is_not_negative(operator: Operator | None) -> bool:
    """Returns whether an operator is or ends with a RELU."""
    if operator is None or operator.name in _NOT_NEGATIVE:
        return operator is not None
    row = allowed().operators.get(operator.name)
    if row is None or operator.options is None:
        return False
    names = [option and option.name for option in row.options]
    if "fused_activation" not in names:
        return False
    return operator.options.number(names.index("fused_activation"), "b") in (_RELU, _RELU6)
