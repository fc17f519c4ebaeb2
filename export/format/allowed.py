"""What a `.tflite` file may contain: `allowed_operators.json`, which the app reads as well.

The list holds what the exporter writes. A row says which code, versions and options an operator
may have, and which types, constants and scales its tensors. A pattern in `tensors`, such as
`"int8*, =int8**, =int32**? -> int8*"`, has one item per input and output:

- `=`: a constant, or a float16 constant that a DEQUANTIZE turns into float32.
- `*`: with one scale for the tensor; `**`: with one scale per channel; otherwise without scales.
- `?`: may be absent; `...`: one or more of this item.
"""

import functools
import importlib.resources
import json
import re
from typing import Any, NamedTuple


class Slot(NamedTuple):
    """What an input or output may be: an item of a pattern."""

    dtype: str
    is_constant: bool
    scales: str
    is_optional: bool
    is_repeated: bool

    @property
    def is_number(self) -> bool:
        """Whether kernels use the values as sizes, axes or positions."""
        return self.is_constant and self.dtype == "int32" and not self.scales


class Option(NamedTuple):
    """A field of an operator's options: its type, default, and allowed values."""

    name: str
    dtype: str
    default: float
    values: tuple[float, ...]
    smallest: float
    largest: float

    def allows(self, value: float) -> bool:
        """Returns whether the value is one of the list, or lies in the range; a NaN does not."""
        return value in self.values or self.smallest <= value <= self.largest


class Row(NamedTuple):
    """What the list says about one operator."""

    code: int
    newest_version: int
    options_type: int
    options: tuple[Option | None, ...]
    patterns: tuple[tuple[tuple[Slot, ...], tuple[Slot, ...]], ...]
    shape: str
    channel_axes: tuple[int, ...]
    broadcast_rank: int


class Allowed(NamedTuple):
    """The whole list: limits, fields of each table by number, and operators by name."""

    limits: dict[str, Any]
    fields: dict[str, tuple[str | None, ...]]
    operators: dict[str, Row]


@functools.cache
def allowed() -> Allowed:
    """Reads the list."""
    text = importlib.resources.files("export.format").joinpath("allowed_operators.json").read_text()
    content = json.loads(text)
    return Allowed(
        limits=content["limits"],
        fields={name: tuple(fields) for name, fields in content["fields"].items()},
        operators={name: _row(row) for name, row in content["operators"].items()},
    )


def _row(row):
    return Row(
        code=row["code"],
        newest_version=row["newest_version"],
        options_type=row["options_type"],
        options=tuple(option and _option(*option) for option in row["options"]),
        patterns=tuple(_pattern(text) for text in row["tensors"]),
        shape=row["shape"],
        channel_axes=tuple(row.get("channel_axes", ())),
        broadcast_rank=row.get("broadcast_rank", 4),
    )


def _option(name, dtype, default, values):
    if isinstance(values, dict):
        return Option(name, dtype, default, (), values["from"], values["to"])
    return Option(name, dtype, default, tuple(values), 1, 0)


def _pattern(text):
    inputs, outputs = (
        tuple(_slot(item) for item in side.split(", ")) for side in text.split(" -> ")
    )
    return inputs, outputs


def _slot(text):
    found = re.fullmatch(r"(=?)(\w+)(\*{0,2})(\?|\.\.\.)?", text)
    assert found, text
    constant, dtype, scales, suffix = found.groups()
    return Slot(dtype, bool(constant), scales, suffix == "?", suffix == "...")
