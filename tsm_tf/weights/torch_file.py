"""Reads the tensors of PyTorch files, whatever else is in them; nothing in them is executed."""

import pathlib
import re
import zipfile
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from tsm_tf.errors import InputError, one_line
from tsm_tf.weights.archives import open_zip

_CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "weights")
_UNKNOWN = re.compile(r"Unsupported global: GLOBAL (\S+) was not an allowed global")
_REASON = re.compile(r"WeightsUnpickler error: (.*)")
_MAX_UNKNOWN = 100
_HOW = "load it where its classes are installed, and save model.state_dict() with torch.save"


class _Nothing:
    """Stands for every object that is not a tensor: settings, scores, generators, modules."""

    name = ""

    def __new__(cls, *args, **kwargs):
        return object.__new__(cls)

    def __init__(self, *args, **kwargs):
        pass

    def __setstate__(self, state):
        pass


def read_torch(path: pathlib.Path, argument: str) -> dict[str, np.ndarray]:
    """Returns the tensors of a state dict as arrays in float32 or integers.

    Args:
        path: a state dict, or a checkpoint that holds one under `state_dict`, `model_state_dict`,
            `model`, `net` or `weights`.
        argument: the name of the caller's argument, for errors.

    Raises:
        InputError: a whole pickled module, a TorchScript file, a damaged file, or no tensors.
    """
    if zipfile.is_zipfile(path):
        with open_zip(path, argument) as archive:
            if any(name.endswith("/constants.pkl") for name in archive.namelist()):
                _refuse(argument, f"must be a state dict, not TorchScript: {_HOW}", path)

    content = _load(path, argument)
    if isinstance(content, _Nothing):
        _refuse(argument, f"must be a state dict, not a pickled {content.name}: {_HOW}", path)
    if not isinstance(content, Mapping):
        _refuse(argument, f"must be a state dict, not a {type(content).__name__}: {_HOW}", path)

    for name in _CONTAINERS:
        inner = content.get(name)
        if isinstance(inner, _Nothing):
            _refuse(argument, f"must hold a state dict, not a pickled {inner.name}: {_HOW}", path)
        if isinstance(inner, Mapping):
            content = inner
            break
    return {
        str(name): _to_array(name, tensor, argument)
        for name, tensor in content.items()
        if hasattr(tensor, "detach")
    }


def _load(path: pathlib.Path, argument: str) -> Any:
    """Loads a file with PyTorch's restricted unpickler, with a stand-in for each unknown class."""
    import torch  # pyright: ignore[reportMissingImports]  # only in .venv-torch

    stand_ins: list[tuple[type, str]] = []
    while True:
        try:
            with torch.serialization.safe_globals(stand_ins):
                return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # PyTorch raises many kinds for damaged files
            unknown = _UNKNOWN.search(str(error))
            if unknown is None or len(stand_ins) > _MAX_UNKNOWN:
                stated = _REASON.search(str(error))
                reason = stated[1] if stated else one_line(error)
                rule = f"must be an undamaged file from torch.save with tensors ({reason})"
                raise InputError(argument, rule, str(path)) from error
            name = unknown[1]
            stand_ins.append((type("Nothing", (_Nothing,), {"name": name}), name))


def _to_array(name: str, tensor: Any, argument: str) -> np.ndarray:
    import torch  # pyright: ignore[reportMissingImports]  # only in .venv-torch

    tensor = tensor.detach()
    is_plain = tensor.layout == torch.strided and not tensor.is_quantized and not tensor.is_meta
    if not is_plain or tensor.is_complex():
        raise InputError(argument, "must hold dense real tensors", f"{name}: {tensor.dtype}")
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise InputError(argument, "must hold whole tensors", f"{name}: {tuple(tensor.shape)}")
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _refuse(argument: str, rule: str, path: pathlib.Path) -> NoReturn:
    raise InputError(argument, rule, str(path))
