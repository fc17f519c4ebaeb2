"""Reads the tensors of PyTorch files, whatever else is in them; nothing in them is executed.

PyTorch itself is not needed. A file is a ZIP archive, or in the older format (before PyTorch 1.6)
a sequence of pickles with the numbers behind them.
"""

import contextlib
import math
import os
import pathlib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, NoReturn

import ml_dtypes
import numpy as np

from tsm_tf.errors import InputError, one_line
from tsm_tf.weights import tensor_pickle
from tsm_tf.weights.archives import check_size, open_zip
from tsm_tf.weights.torch_objects import Storage, Tensor, Unknown

_CONTAINERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "weights")
_HOW = "load it where its classes are installed, and save model.state_dict() with torch.save"
_ZIP = b"PK\x03\x04"
_OLD = b"\x80"  # any version of the pickle format
_OLD_BEGINNING = (0x1950A86A20F9469CFC6C, 1001)  # magic number and version
_COUNT = np.dtype("<i8")
_REBUILT = ("torch._utils.", "torch._tensor.")  # other tensors than dense ones
_UNTYPED = "UntypedStorage"  # its size counts bytes
_FLOATS = "fV"  # V: those of ml_dtypes
_DTYPES = {
    # PyTorch's class of storages, or its name of the type: numpy's type
    name: np.dtype(dtype)
    for names, dtype in {
        ("DoubleStorage", "float64"): "<f8",
        ("FloatStorage", "float32"): "<f4",
        ("HalfStorage", "float16"): "<f2",
        ("BFloat16Storage", "bfloat16"): ml_dtypes.bfloat16,
        ("float8_e4m3fn",): ml_dtypes.float8_e4m3fn,
        ("float8_e5m2",): ml_dtypes.float8_e5m2,
        ("LongStorage", "int64"): "<i8",
        ("IntStorage", "int32"): "<i4",
        ("ShortStorage", "int16"): "<i2",
        ("CharStorage", "int8"): "i1",
        ("ByteStorage", "uint8"): "u1",
        ("uint16",): "<u2",
        ("uint32",): "<u4",
        ("uint64",): "<u8",
        ("BoolStorage", "bool"): "?",
    }.items()
    for name in names
}

_Read = Callable[[Storage], bytes]


def read_torch(path: pathlib.Path, argument: str) -> dict[str, np.ndarray]:
    """Returns the tensors of a state dict as arrays in float32 or integers.

    Args:
        path: a state dict, or a checkpoint that holds one under `state_dict`, `model_state_dict`,
            `model_state`, `model`, `net` or `weights`.
        argument: the name of the caller's argument, for errors.

    Raises:
        InputError: a whole pickled module, a TorchScript file, a damaged file, or no tensors.
    """
    try:
        with path.open("rb") as file, _opened(file, path, argument) as (content, read):
            tensors = _find_tensors(content, path, argument)
            _check_tensors(tensors, path, argument)
            return _to_arrays(tensors, read)
    except InputError:
        raise
    except (Exception, MemoryError) as error:  # many kinds for damaged files
        rule = f"must be an undamaged file from torch.save with tensors ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error


@contextlib.contextmanager
def _opened(
    file: BinaryIO,
    path: pathlib.Path,
    argument: str,
) -> Iterator[tuple[Any, _Read]]:
    """Context manager that yields the content of a file and a function that reads storages."""
    beginning = file.read(len(_ZIP))
    file.seek(0)
    if beginning.startswith(_OLD):
        yield _open_old(file)
    elif beginning == _ZIP:
        with open_zip(path, argument) as archive:
            yield _open_zip(archive, path, argument)
    else:
        raise ValueError("its first bytes are not those of a pickle or a ZIP file")


def _open_zip(
    archive: zipfile.ZipFile,
    path: pathlib.Path,
    argument: str,
) -> tuple[Any, _Read]:
    names = archive.namelist()
    if any(name.endswith("/constants.pkl") for name in names):
        _refuse(argument, f"must be a state dict, not TorchScript: {_HOW}", path)
    (main,) = (name for name in names if name.endswith("/data.pkl") and name.count("/") == 1)
    folder = main.removesuffix("data.pkl")
    if f"{folder}byteorder" in names and archive.read(f"{folder}byteorder") != b"little":
        _refuse(argument, "must be a file from a machine with little-endian numbers", path)

    with archive.open(main) as pickle:
        content = tensor_pickle.load(pickle)  # pyright: ignore[reportArgumentType]
    return content, lambda storage: archive.read(f"{folder}data/{storage.key}")


def _open_old(file: BinaryIO) -> tuple[Any, _Read]:
    """Opens the older format: pickles of a magic number, a version, the machine, the content, and
    the storages' keys; then, for each key, a count and that many numbers."""
    if any(tensor_pickle.load(file) != expected for expected in _OLD_BEGINNING):
        raise ValueError("it is a pickle, but not from torch.save")
    tensor_pickle.load(file)  # the machine; the numbers are little-endian on all
    kinds: dict[str, str] = {}
    content, keys = tensor_pickle.load(file, kinds), tensor_pickle.load(file)

    places, position = {}, file.tell()
    for key in keys:
        file.seek(position)
        count = int(np.frombuffer(file.read(_COUNT.itemsize), _COUNT)[0])
        size = count * _itemsize(kinds[key])
        places[key] = position + _COUNT.itemsize, size
        position += _COUNT.itemsize + size
    if position > os.fstat(file.fileno()).st_size:
        raise ValueError("it ends too early")

    def read(storage: Storage) -> bytes:
        place, size = places[storage.key]
        file.seek(place)
        return file.read(size)

    return content, read


def _find_tensors(content: Any, path: pathlib.Path, argument: str) -> dict[str, Tensor]:
    """Returns the tensors of the state dict in what a file holds."""
    if isinstance(content, Unknown):
        _refuse(argument, f"must be a state dict, not a pickled {content.name}: {_HOW}", path)
    if not isinstance(content, Mapping):
        _refuse(argument, f"must be a state dict, not a {type(content).__name__}: {_HOW}", path)

    for name in _CONTAINERS:
        inner = content.get(name)
        if isinstance(inner, Unknown):
            _refuse(argument, f"must hold a state dict, not a pickled {inner.name}: {_HOW}", path)
        if isinstance(inner, Mapping):
            content = inner
            break

    for name, value in content.items():
        if isinstance(value, Unknown) and value.name.startswith(_REBUILT):
            raise InputError(argument, "must hold dense real tensors", f"{name}: {value.name}")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _check_tensors(tensors: Mapping[str, Tensor], path: pathlib.Path, argument: str) -> None:
    """Raises unless all tensors have numbers of their own, and not more than the file can hold."""
    total = 0
    for name, tensor in tensors.items():
        if (tensor.dtype or tensor.storage.kind) not in _DTYPES:
            kind = tensor.dtype or tensor.storage.kind
            raise InputError(argument, "must hold dense real tensors", f"{name}: {kind}")
        size = math.prod(tensor.shape) * _dtype(tensor).itemsize
        if size > tensor.storage.size * _itemsize(tensor.storage.kind):
            raise InputError(argument, "must hold whole tensors", f"{name}: {tensor.shape}")
        total += size
    check_size(total, path, argument)


def _to_arrays(tensors: Mapping[str, Tensor], read: _Read) -> dict[str, np.ndarray]:
    content: dict[str, bytes] = {}
    arrays = {}
    for name, tensor in tensors.items():
        key = tensor.storage.key
        if key not in content:
            content[key] = read(tensor.storage)
        arrays[name] = _to_array(tensor, content[key])
    return arrays


def _to_array(tensor: Tensor, content: bytes) -> np.ndarray:
    """Returns a tensor from the bytes of its storage, or of the one that its storage is part of."""
    storage, dtype = tensor.storage, _dtype(tensor)
    start = storage.start * dtype.itemsize
    content = content[start : start + storage.size * _itemsize(storage.kind)]
    if len(content) < storage.size * _itemsize(storage.kind):
        raise ValueError("a tensor has fewer numbers than its shape says")

    array = np.ndarray(  # checks offset, shape and strides against the buffer
        tensor.shape,
        dtype,
        buffer=content,
        offset=tensor.offset * dtype.itemsize,
        strides=[stride * dtype.itemsize for stride in tensor.strides],
    )
    return array.astype(np.float32) if dtype.kind in _FLOATS else array.copy()


def _dtype(tensor: Tensor) -> np.dtype:
    return _DTYPES[tensor.dtype or tensor.storage.kind]


def _itemsize(kind: str) -> int:
    return 1 if kind == _UNTYPED else _DTYPES[kind].itemsize


def _refuse(argument: str, rule: str, path: pathlib.Path) -> NoReturn:
    raise InputError(argument, rule, str(path))
