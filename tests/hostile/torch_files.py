"""Hostile and odd PyTorch files: `FILES` maps the name of each case to a function that writes it.

The table is empty where torch is not installed.
"""

import argparse
import collections
import os
import pickle
import zipfile

import numpy as np
from hostile.networks import CANARY
from hostile.weight_files import harmless_arrays

try:
    import torch
except ImportError:
    torch = None


class _Payload:
    def __reduce__(self):
        return open, (CANARY, "w")


class _System:
    def __reduce__(self):
        return os.system, (f"touch {CANARY}",)


def _weights():
    return {name: torch.from_numpy(array) for name, array in harmless_arrays().items()}


def _saved(content, **options):
    return lambda path: torch.save(content() if callable(content) else content, path, **options)


def _script(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def _bomb(path):
    torch.save({"w": torch.zeros(100_000_000)}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _cut(share, **options):
    def write(path):
        torch.save(_weights(), path, **options)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * share // 100])

    return write


def _flipped(seed, **options):
    def write(path):
        torch.save(_weights(), path, **options)
        data = bytearray(path.read_bytes())
        for at in np.random.default_rng(seed).integers(0, len(data), 1 + seed % 6):
            data[at] ^= 1 + seed % 255
        path.write_bytes(data)

    return write


def _pickled(content):
    return lambda path: path.write_bytes(pickle.dumps(content))


def _half():
    return {name: torch.nn.Parameter(value.bfloat16()) for name, value in _weights().items()}


HARMLESS = {
    # real files: as saved by scripts, by Lightning, and after torch.compile
    "harmless": _saved(_weights),
    "harmless_old": _saved(_weights, _use_new_zipfile_serialization=False),
    "harmless_numbers": _saved(
        lambda: {"state_dict": _weights(), "epoch": np.int64(3), "best_prec1": np.float64(1)},
    ),
    "harmless_parameters": _saved(lambda: {"model_state_dict": _half()}),
    "harmless_lightning": _saved(
        lambda: {"state_dict": {f"model.{k}": v for k, v in _weights().items()}, "loops": {}},
    ),
    "harmless_compiled": _saved(
        lambda: {"model": {f"_orig_mod.module.{k}": v for k, v in _weights().items()}},
    ),
    "harmless_settings": _saved(lambda: {**_weights(), "args": argparse.Namespace(x=1)}),
}


def _files():
    if torch is None:
        return
    yield from HARMLESS.items()
    old = {"_use_new_zipfile_serialization": False}
    for name, payload in (("open", _Payload()), ("system", _System())):
        yield f"payload_{name}", _saved({"state_dict": payload})
        yield f"payload_{name}_old", _saved({"state_dict": payload}, **old)
        yield f"payload_{name}_beside", _saved(lambda p=payload: {**_weights(), "x": p})
        yield f"payload_{name}_pickle", _pickled({"state_dict": payload})
    yield "module", _saved(lambda: torch.nn.Linear(2, 2))
    yield "module_old", _saved(lambda: torch.nn.Linear(2, 2), **old)
    yield "module_inside", _saved(lambda: {"model": torch.nn.Linear(2, 2)})
    yield "script", _script
    yield "list", _saved(lambda: [torch.ones(2)])
    yield "tensor", _saved(lambda: torch.ones(2))
    yield "number", _saved(5)
    yield "names", _saved(lambda: {1: torch.ones(2), None: torch.ones(2)})
    yield "expanded", _saved(lambda: {"fc.weight": torch.ones(1).expand(10**6, 10**6)})
    yield (
        "expanded_half",
        _saved(
            lambda: {"fc.weight": torch.ones(1, dtype=torch.bfloat16).expand(10**6, 10**6)},
        ),
    )
    yield "sparse", _saved(lambda: {"fc.weight": torch.ones(2, 2).to_sparse()})
    yield "complex", _saved(lambda: {"fc.weight": torch.ones(2, 2, dtype=torch.complex64)})
    yield "meta", _saved(lambda: {"fc.weight": torch.empty(10**6, 10**6, device="meta")})
    yield (
        "quantized",
        _saved(
            lambda: {"fc.weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
        ),
    )
    yield "numpy", _saved(lambda: {"state_dict": {"fc.weight": np.ones(2)}, "best": np.float64(1)})
    yield "namespace", _saved(lambda: {**_weights(), "args": argparse.Namespace(x=1)})
    yield "counter", _saved(lambda: {**_weights(), "c": collections.Counter("ab")})
    yield "default", _saved(lambda: {**_weights(), "c": collections.defaultdict(list, a=[1])})
    yield "bomb", _bomb
    for share in (1, 20, 50, 90, 99):
        yield f"truncated_{share}", _cut(share)
        yield f"truncated_{share}_old", _cut(share, **old)
    for seed in range(30):
        yield f"flipped_{seed}", _flipped(seed)
        yield f"flipped_{seed}_old", _flipped(seed, **old)


FILES = dict(_files())
