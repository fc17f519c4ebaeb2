"""What PyTorch's pickles name: tensors and their storages. All other classes stay unknown."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

_MAX_AXES = 32
_MAX_INTEGER = 1 << 48
_MAX_NAME = 500  # characters; a state dict's names have up to 100


@dataclasses.dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    dotted: str


class Unknown:
    """Stands for an object that is not plain data; its content is left out.

    Args:
        name: its class, or the function that would have made it.
    """

    def __init__(self, name: str):
        self.name = name


@dataclasses.dataclass(frozen=True)
class Storage:
    """The numbers of one or more tensors, which are outside the pickle.

    Args:
        kind: PyTorch's class, such as `"FloatStorage"`.
        key: name of the numbers in the file.
        size: how many numbers there are; for the kind `"UntypedStorage"`, how many bytes.
        start: first number, for a storage that is a part of another one.
    """

    kind: str
    key: str
    size: int
    start: int = 0


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage; offset and strides count numbers.

    `dtype` is PyTorch's name of the type, or None if the storage's kind gives it.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: str | None = None


def is_short(value: Any) -> bool:
    """Returns whether a value is text that may be a name."""
    return type(value) is str and len(value) <= _MAX_NAME


def pairs(items: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """Returns a dict without items whose keys are not plain: hashing those may take long."""
    return {
        key: value
        for key, value in items
        if is_short(key) or key is None or (type(key) is int and abs(key) < _MAX_INTEGER)
    }


def dotted(function: Any) -> str:
    """Returns the name of what a pickle calls."""
    if isinstance(function, Name):
        return function.dotted
    return function.name if isinstance(function, Unknown) else type(function).__name__


def call_by_name(function: Any, arguments: Any) -> Any:
    """Returns what a call stands for."""
    call = _CALLS.get(dotted(function))
    if call is None or not isinstance(arguments, tuple):
        return Unknown(dotted(function))
    return call(*arguments)


def find_storage(reference: Any) -> Storage | Unknown:
    """Returns the storage that a persistent id stands for.

    The id is `("storage", class, key, device, size)`, in old files with `(key, start, size)` of a
    part or None at the end; or `("module", class, ...)` for the source code of a module.
    """
    if not isinstance(reference, tuple):
        raise TypeError("its pickle refers to a storage by what is not a tuple")
    word, kind, *rest = reference
    if word != "storage":
        return Unknown(dotted(kind))
    key, _, size, *part = rest
    if not is_short(key) or not isinstance(kind, Name):
        raise TypeError("its pickle refers to a storage without a key or class")
    start = 0
    if part and isinstance(part[0], tuple):
        _, start, size = part[0]
    return Storage(kind.dotted.rpartition(".")[2], key, _count(size), _count(start))


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _MAX_INTEGER:
        raise ValueError("its pickle has a size that is not an integer in range")
    return value


def _counts(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or len(values) > _MAX_AXES:
        raise ValueError("its pickle has a shape that is not a short tuple")
    return tuple(map(_count, values))


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Tensor:
    """`_rebuild_tensor(storage, offset, shape, strides, ...)`."""
    if not isinstance(storage, Storage):
        raise TypeError("its pickle has a tensor without a storage")
    return Tensor(storage, _count(offset), _counts(shape), _counts(strides))


def _tensor_of_type(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    requires_grad: Any,
    hooks: Any,
    dtype: Any,
    *_: Any,
) -> Tensor:
    """`_rebuild_tensor_v3`, whose storage has no type."""
    tensor = _tensor(storage, offset, shape, strides)
    return dataclasses.replace(tensor, dtype=dotted(dtype).removeprefix("torch."))


def _subclass(function: Any, _: Any, arguments: Any, *__: Any) -> Any:
    """`_rebuild_from_type_v2(function, class, arguments, state)`: a tensor with attributes."""
    return call_by_name(function, arguments)


def _ordered(*arguments: Any) -> dict[Any, Any]:
    """`OrderedDict()`; Python 2 gives it a list of lists `[key, value]`.

    The list is emptied, so that many dicts from one list do not fill the memory.
    """
    if not arguments or not isinstance(arguments[0], list):
        return {}
    content = pairs(arguments[0])
    arguments[0].clear()
    return content


_CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "collections.defaultdict": _ordered,
    "torch.Size": _counts,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
    "torch._tensor._rebuild_from_type_v2": _subclass,
}
