"""Reads the pickles in PyTorch files: tensors and plain data, without executing anything.

A pickle is a program for a stack machine. `load` runs the instructions that build plain data.
Classes and functions stay names, which are never imported or called. `torch_objects` says what the
names of tensors stand for. Objects of all other classes (settings, scores, modules) are `Unknown`.
"""

import pickletools
from collections.abc import Callable
from typing import Any, BinaryIO

from tsm_tf.weights.torch_objects import (
    Name,
    Storage,
    Unknown,
    call_by_name,
    dotted,
    find_storage,
    is_short,
    pairs,
)

_MAX_BYTES = 64 << 20  # the tensors are outside the pickle, which has 1 MB in a large checkpoint
_MAX_INSTRUCTIONS = 1_000_000  # a checkpoint with its optimizer has 50,000


def load(file: BinaryIO, kinds: dict[str, str] | None = None) -> Any:
    """Reads one pickle from a file, which is left at its end.

    Args:
        file: a binary file, open for reading.
        kinds: gets the kind of each storage by key.

    Returns:
        Dicts, lists, tuples, numbers, text, bytes, None, `Tensor`, `Storage`, `Name`, `Unknown`.

    Raises:
        ValueError: a damaged pickle, one of more than 64 MiB, or an instruction that PyTorch does
            not write.
        IndexError, KeyError, TypeError, OverflowError: a damaged pickle.
    """
    machine = _Machine({} if kinds is None else kinds)
    instructions = pickletools.genops(_Limited(file))  # pyright: ignore[reportArgumentType]

    for count, (instruction, argument, _) in enumerate(instructions):
        if count > _MAX_INSTRUCTIONS:
            raise ValueError(f"its pickle has more than {_MAX_INSTRUCTIONS:,} instructions")
        run = _INSTRUCTIONS.get(instruction.name)
        if run is None:
            raise ValueError(f"its pickle has the instruction {instruction.name}")
        run(machine, argument)
    return machine.stack.pop()


class _Limited:
    """A file that can be read up to a number of bytes."""

    def __init__(self, file: BinaryIO):
        self.file, self.left = file, _MAX_BYTES

    def read(self, size: int) -> bytes:
        return self._count(self.file.read(min(size, self.left)))

    def readline(self) -> bytes:
        return self._count(self.file.readline(self.left))

    def _count(self, data: bytes) -> bytes:
        self.left -= len(data)
        if not self.left:
            raise ValueError(f"its pickle has more than {_MAX_BYTES:,} bytes")
        return data


class _Machine:
    def __init__(self, kinds: dict[str, str]):
        self.kinds = kinds
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def recall(self, index: int) -> None:
        self.push(self.memo[index])

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def pop_marked(self) -> list[Any]:
        """Removes and returns the values after the last mark."""
        start = self.marks.pop()
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def pop(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError("its pickle takes more values than it has")
        values = self.stack[-count:]
        del self.stack[-count:]
        return values

    def pop_or_unmark(self) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def memoize(self, index: int | None = None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def name(self, module: str, name: str) -> None:
        if not is_short(module) or not is_short(name):
            raise TypeError("its pickle names a class by what is not short text")
        self.push(Name(f"{module}.{name}"))

    def call(self) -> None:
        function, arguments = self.pop(2)
        self.push(call_by_name(function, arguments))

    def call_with_keywords(self) -> None:
        function, _, _ = self.pop(3)
        self.push(Unknown(dotted(function)))

    def refer(self) -> None:
        storage = find_storage(self.stack.pop())
        if isinstance(storage, Storage):
            self.kinds[storage.key] = storage.kind
        self.push(storage)

    def extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, Unknown):
            raise TypeError("its pickle adds values to what is not a list")

    def make_dict(self) -> None:
        values = self.pop_marked()
        self.push({})
        self.update(values)

    def update(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(pairs(zip(values[::2], values[1::2], strict=True)))
        elif not isinstance(target, Unknown):
            raise TypeError("its pickle sets items of what is not a dict")


_PUSHED = (
    # instructions whose argument is the value
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_Run = Callable[[_Machine, Any], Any]
_INSTRUCTIONS: dict[str, _Run] = {
    **dict.fromkeys(_PUSHED, _Machine.push),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.memoize),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_SET": lambda machine, _: machine.push(Unknown("builtins.set")),
    "MARK": lambda machine, _: machine.mark(),
    "POP": lambda machine, _: machine.pop_or_unmark(),
    "POP_MARK": lambda machine, _: machine.pop_marked(),
    "DUP": lambda machine, _: machine.push(machine.stack[-1]),
    "LIST": lambda machine, _: machine.push(machine.pop_marked()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_marked())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop(3))),
    "FROZENSET": lambda machine, _: (machine.pop_marked(), machine.push(Unknown("frozenset"))),
    "DICT": lambda machine, _: machine.make_dict(),
    "APPEND": lambda machine, _: machine.extend(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_marked()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_marked()),
    "SETITEM": lambda machine, _: machine.update(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.update(machine.pop_marked()),
    "BUILD": lambda machine, _: machine.pop(1),  # attributes are left out
    "GLOBAL": lambda machine, argument: machine.name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.name(*machine.pop(2)),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "NEWOBJ_EX": lambda machine, _: machine.call_with_keywords(),
    "BINPERSID": lambda machine, _: machine.refer(),
}
