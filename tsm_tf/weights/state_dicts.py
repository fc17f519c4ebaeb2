"""Reads weights by name from the files of other frameworks."""

import pathlib

import numpy as np

from tsm_tf.errors import InputError

_READERS = {}


def read_state_dict(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads arrays by name from `.pth`, `.pth.tar`, `.pt` (these need torch), `.npz`, or `.safetensors`.

    No code that is in the file runs.

    Raises:
        FileNotFoundError: no such file.
        InputError: another suffix, or a file that holds no arrays by name.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`input` must be an existing file: {path}")
    suffix = (path.suffixes[-2:] == [".pth", ".tar"] and ".pth.tar") or path.suffix
    if suffix not in _READERS:
        raise InputError("input", f"must end in one of {', '.join(sorted(_READERS))}", str(path))
    state_dict = _READERS[suffix](path)
    if not state_dict or not all(isinstance(value, np.ndarray) for value in state_dict.values()):
        raise InputError("input", "must hold arrays by name", str(path))
    return state_dict


def _read_torch(path):
    import torch

    content = torch.load(path, map_location="cpu", weights_only=True)
    content = content.get("state_dict", content)
    return {name: tensor.numpy() for name, tensor in content.items() if hasattr(tensor, "numpy")}


def _read_npz(path):
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _read_safetensors(path):
    from safetensors.numpy import load_file

    return load_file(path)


_READERS.update({".pth.tar": _read_torch, ".pth": _read_torch, ".pt": _read_torch})
_READERS.update({".npz": _read_npz, ".safetensors": _read_safetensors})
