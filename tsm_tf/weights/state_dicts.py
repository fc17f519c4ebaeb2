"""Reads weights by name from the files of other frameworks."""

import pathlib

import numpy as np

from tsm_tf.errors import InputError, MissingFile


def read_state_dict(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads arrays by name; no code in the file is executed.

    Args:
        path: `.pth`, `.pth.tar` or `.pt` (these need torch), `.npz`, or `.safetensors`.

    Raises:
        MissingFile: there is no such file.
        InputError: another suffix, or a file without arrays by name.
    """
    if not path.is_file():
        raise MissingFile("input", "must be an existing file", str(path))
    suffix = next((suffix for suffix in _READERS if path.name.endswith(suffix)), None)
    if suffix is None:
        raise InputError("input", f"must end in one of {', '.join(sorted(_READERS))}", str(path))

    state_dict = _READERS[suffix](path)
    if not state_dict or not all(isinstance(value, np.ndarray) for value in state_dict.values()):
        raise InputError("input", "must hold arrays by name", str(path))
    return state_dict


def _read_torch(path: pathlib.Path) -> dict:
    import torch  # pyright: ignore[reportMissingImports]  # only in .venv-torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    content = content.get("state_dict", content)
    return {name: tensor.numpy() for name, tensor in content.items() if hasattr(tensor, "numpy")}


def _read_npz(path: pathlib.Path) -> dict:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_safetensors(path: pathlib.Path) -> dict:
    from safetensors.numpy import load_file

    return load_file(path)


_READERS = {
    ".pth": _read_torch,
    ".pth.tar": _read_torch,
    ".pt": _read_torch,
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
}
