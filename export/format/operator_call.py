"""An operator as the rule for its result sees it: shapes, constants and options."""

from typing import NamedTuple

import numpy as np

from export.format.flatbuffer import Damaged

Shape = tuple[int, ...]


class Call(NamedTuple):
    """An operator as its rule sees it.

    Args:
        shapes: shapes of the inputs that are present.
        constants: values of the integer constants among them, by position.
        options: values of the options.
        result: the shape that the file gives to the output.
        others: the shapes of further outputs.
        broadcast_rank: most dimensions of inputs that are broadcast.
    """

    shapes: list[Shape]
    constants: dict[int, np.ndarray]
    options: dict[str, float]
    result: Shape
    broadcast_rank: int
    others: tuple[Shape, ...] = ()


def require(condition: object, what: str) -> None:
    """Raises `Damaged` unless a condition holds."""
    if not condition:
        raise Damaged(what)


def position_of(axis: float, rank: int) -> int:
    """Returns the number of an axis that may count from the end."""
    require(-rank <= axis < rank, f"the axis {axis}")
    return int(axis) % rank
