"""Reads untrusted flatbuffer tables; every access is bounds-checked."""

import struct
from typing import Any

import numpy as np

# The longest vector of tables; ResNet-152 has 1,000 tensors. A vector whose entries all point to
# one table costs a file little, but reading it costs a lot.
_MAX_TABLES = 100_000

# Vectors may be read as often as this, relative to the size of the file. Tables may share a vector,
# so that a file of 1 MB could fill the memory.
_MAX_COPIES = 8


class Damaged(ValueError):
    """A flatbuffer that refers to something outside itself."""


class Table:
    """One table of a flatbuffer. Fields are addressed by their number in the schema.

    Args:
        data: the whole file.
        position: offset of the table in it.
        budget: how many more bytes of vectors may be read, in a list that all tables share.

    Raises:
        Damaged: here and in every method, if something lies outside the file.
    """

    __slots__ = ("_budget", "_offsets", "data", "position")

    def __init__(self, data: memoryview, position: int, budget: list[int]):
        self.data, self.position, self._budget = data, position, budget

        vtable = position - _unpack("<i", data, position)
        size, length = _unpack("<H", data, vtable), _unpack("<H", data, vtable + 2)
        if size < 4 or size % 2 or vtable + size > len(data) or position + length > len(data):
            raise Damaged("a table without an end")

        self._offsets = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)
        if max(self._offsets, default=0) >= max(length, 1):
            raise Damaged("a field outside its table")

    @classmethod
    def root(cls, data: memoryview) -> "Table":
        """Returns the root table of a flatbuffer."""
        return cls(data, _unpack("<I", data, 0), [_MAX_COPIES * len(data)])

    def fields(self) -> list[int]:
        """Returns the numbers of the fields that are present."""
        return [field for field, offset in enumerate(self._offsets) if offset]

    def number(self, field: int, code: str, default: float = 0) -> Any:
        """Returns a scalar whose type is a format character of `struct`."""
        at = self._at(field)
        return _unpack(f"<{code}", self.data, at) if at else default

    def table(self, field: int) -> "Table | None":
        """Returns a table, or None if it is absent."""
        at = self._at(field)
        return Table(self.data, self._follow(at), self._budget) if at else None

    def tables(self, field: int) -> list["Table"]:
        """Returns a vector of tables; empty if it is absent."""
        at = self._at(field)
        if not at:
            return []

        offsets = self.array(field, "<u4")
        if len(offsets) > _MAX_TABLES:
            raise Damaged(f"a vector of {len(offsets)} tables")

        start = self._follow(at) + 4
        return [
            Table(self.data, start + 4 * i + offset, self._budget)
            for i, offset in enumerate(offsets.tolist())
        ]

    def array(self, field: int, dtype: str = "u1") -> np.ndarray:
        """Returns a vector of numbers as a view of the file; empty if it is absent."""
        at = self._at(field)
        if not at:
            return np.empty(0, dtype)

        start = self._follow(at)
        count = _unpack("<I", self.data, start)
        size = np.dtype(dtype).itemsize
        if start + 4 + count * size > len(self.data):
            raise Damaged("a vector that ends outside the file")
        if (start + 4) % size:
            raise Damaged("a vector that is not aligned")

        self._budget[0] -= count * size
        if self._budget[0] < 0:
            raise Damaged("vectors that overlap")
        return np.frombuffer(self.data, dtype, count, start + 4)

    def text(self, field: int) -> str:
        """Returns a string; empty if it is absent."""
        at = self._at(field)
        if not at:
            return ""

        text = self.array(field)
        if _unpack("B", self.data, self._follow(at) + 4 + text.size):  # C code looks for this zero
            raise Damaged("a text without an end")
        try:
            return text.tobytes().decode()
        except UnicodeDecodeError:
            raise Damaged("a text that is not UTF-8") from None

    def _at(self, field):
        offset = self._offsets[field] if field < len(self._offsets) else 0
        return self.position + offset if offset else 0

    def _follow(self, at):
        return at + _unpack("<I", self.data, at)


def _unpack(code, data, at):
    if at < 0:  # `struct` would count from the end
        raise Damaged("something before the file")
    if at % struct.calcsize(code):  # some processors cannot read it, and no writer produces it
        raise Damaged("a number that is not aligned")
    try:
        return struct.unpack_from(code, data, at)[0]
    except struct.error:
        raise Damaged("something behind the end of the file") from None
