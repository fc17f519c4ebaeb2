"""Reads weights by name from the files of other frameworks."""

import os
import pathlib
from collections.abc import Callable

import numpy as np

from tsm_tf.errors import InputError, MissingFile, one_line
from tsm_tf.weights.file_kinds import check_content
from tsm_tf.weights.npz import read_npz
from tsm_tf.weights.torch_file import read_torch


def read_state_dict(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads arrays by name; no code in the file is executed.

    Args:
        path: `.pth`, `.pth.tar`, `.pt`, `.pyth` or `.ckpt` from PyTorch, `.npz`, or `.safetensors`.

    Raises:
        MissingFile: there is no such file.
        InputError: another suffix, a damaged file, or one without arrays by name; it says what the
            file is and what to do.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise MissingFile("input", "must be an existing file", str(path))
    suffix = next((suffix for suffix in _READERS if path.name.endswith(suffix)), None)
    if suffix is None:
        raise InputError("input", f"must end in one of {', '.join(sorted(_READERS))}", str(path))

    check_content(path, "input")
    state_dict = _READERS[suffix](path, "input")
    if not state_dict:
        raise InputError("input", "must hold arrays by name", str(path))
    return state_dict


def _read_safetensors(path: pathlib.Path, argument: str) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    except ImportError:
        raise
    except Exception as error:  # safetensors raises many kinds for damaged files
        rule = f"must be an undamaged .safetensors file ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error
    is_number = {name: array.dtype.kind in "fiub" for name, array in arrays.items()}
    return {
        name: array if is_number[name] else array.astype(np.float32)  # bfloat16
        for name, array in arrays.items()
    }


_READERS: dict[str, Callable[[pathlib.Path, str], dict[str, np.ndarray]]] = {
    ".pth": read_torch,
    ".pth.tar": read_torch,
    ".pt": read_torch,
    ".pyth": read_torch,
    ".ckpt": read_torch,
    ".npz": read_npz,
    ".safetensors": _read_safetensors,
}
SUFFIXES = tuple(_READERS)
"""Ends of the names of files that `read_state_dict` can read."""
