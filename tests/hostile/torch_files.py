"""Hostile and odd PyTorch files: `FILES` maps the name of each case to a function that writes it.

Most are written without PyTorch. What only PyTorch can write is added where it is installed.
"""

import argparse
import collections
import functools
import os
import pickle
import struct
import zipfile

import ml_dtypes
import numpy as np
from hostile.networks import CANARY
from hostile.weight_files import harmless_arrays
from torch_writer import Parameter, View, pickled, save, write_old, write_zip

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


def _saved(content, is_old):
    return lambda path: save(content, path, is_old)


def _half():
    arrays = harmless_arrays()
    return {name: Parameter(value.astype(ml_dtypes.bfloat16)) for name, value in arrays.items()}


def _prefixed(prefix):
    return {prefix + name: value for name, value in harmless_arrays().items()}


_HARMLESS = {
    # as saved by scripts, by Lightning, and after torch.compile
    "plain": harmless_arrays(),
    "numbers": {"state_dict": harmless_arrays(), "epoch": np.int64(3), "best": np.float64(1)},
    "parameters": {"model_state_dict": _half()},
    "lightning": {"state_dict": _prefixed("model."), "loops": {}},
    "compiled": {"model": _prefixed("_orig_mod.module.")},
    "settings": {**harmless_arrays(), "args": argparse.Namespace(x=1)},
    "counter": {**harmless_arrays(), "c": collections.Counter("ab")},
    "default": {**harmless_arrays(), "c": collections.defaultdict(list, a=[1])},
    "sets": {**harmless_arrays(), "c": {1, 2}, "f": frozenset("ab"), "t": ((), (1,), (1, 2, 3))},
}
_CONTENTS = {
    # contents that must be refused, or at least do no harm
    "payload": {"state_dict": _Payload()},
    "payload_system": {"state_dict": _System()},
    "payload_beside": {**harmless_arrays(), "x": _Payload()},
    "payload_system_beside": {**harmless_arrays(), "x": _System()},
    "list": [np.ones(2, np.float32)],
    "tensor": np.ones(2, np.float32),
    "number": 5,
    "names": {1: np.ones(2, np.float32), None: np.ones(2, np.float32)},
    "expanded": {"fc.weight": View(np.ones(1, np.float32), 0, (10**6, 10**6), (0, 0))},
    "expanded_half": {
        "fc.weight": View(np.ones(1, ml_dtypes.bfloat16), 0, (10**6, 10**6), (0, 0)),
    },
    "shared": {
        f"w{i}": View(_SHARED, 0, (1 << 20,), (1,))
        for _SHARED in [np.ones(1 << 20, np.float32)]
        for i in range(1000)
    },
    "outside": {"fc.weight": View(np.ones(4, np.float32), 2, (4,), (1,))},
    "outside_strides": {"fc.weight": View(np.ones(4, np.float32), 0, (2, 2), (1, 9))},
    "negative_offset": {"fc.weight": View(np.ones(4, np.float32), -2, (2,), (1,))},
    "negative_shape": {"fc.weight": View(np.ones(4, np.float32), 0, (-2, -2), (1, 1))},
    "negative_strides": {"fc.weight": View(np.ones(4, np.float32), 3, (2,), (-1,))},
    "huge_shape": {"fc.weight": View(np.ones(4, np.float32), 0, (1 << 62,), (1,))},
    "many_axes": {"fc.weight": View(np.ones(4, np.float32), 0, (1,) * 100, (1,) * 100)},
    "text_shape": {"fc.weight": View(np.ones(4, np.float32), 0, "22", (1, 1))},
    "true_shape": {"fc.weight": View(np.ones(4, np.float32), 0, (True, 2), (1, 1))},
    "other_strides": {"fc.weight": View(np.ones(4, np.float32), 0, (2, 2), (1,))},
    "complex": {"fc.weight": np.ones((2, 2), np.complex64)},
    "numpy": {"state_dict": {"fc.weight": "array"}, "best": np.float64(1)},
    "empty": {},
}


def _pickle(*parts):
    """Returns the start of a pickle, given instructions, and its end."""
    return b"\x80\x02" + b"".join(parts) + b"."


def _text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def _deep(opening, closing, depth=300_000):
    return _pickle(opening * depth, closing * depth)


def _storage(*parts):
    start = b"(" + _text("storage") + b"ctorch\nFloatStorage\n"
    return start + b"".join(parts) + b"tQ"


_PICKLES = {
    # instructions that no pickler writes
    "global_system": _pickle(b"cos\nsystem\n", _text(f"touch {CANARY}"), b"\x85R"),
    "global_eval": _pickle(b"cbuiltins\neval\n", _text(f"open({CANARY!r}, 'w')"), b"\x85R"),
    "inst": _pickle(b"(", _text(CANARY), _text("w"), b"ibuiltins\nopen\n"),
    "obj": _pickle(b"(cbuiltins\nopen\n", _text(CANARY), _text("w"), b"o"),
    "newobj": _pickle(b"cbuiltins\nopen\n", _text(CANARY), _text("w"), b"\x86\x81"),
    "newobj_ex": _pickle(b"cbuiltins\nopen\n", _text(CANARY), b"\x85}", b"\x92"),
    "stack_global": _pickle(_text("os"), _text("system"), b"\x93", _text("true"), b"\x85R"),
    "stack_global_list": _pickle(b"]]\x93"),
    "stack_global_long": _pickle(_text("a" * 1_000_000), b"q\x00h\x00\x93"),
    "getattr": _pickle(b"cbuiltins\ngetattr\ncos\nsystem\n", _text("x"), b"\x86R"),
    "build": _pickle(b"ccollections\nOrderedDict\n)R}", _text("__class__"), b"K\x05sb"),
    "build_torch": _pickle(b"ctorch\nload\n", _text(CANARY), b"\x85R"),
    "ext": _pickle(b"\x82\x01"),
    "persid": b"Pstorage\n.",
    "next_buffer": _pickle(b"\x97"),
    "bytearray_huge": _pickle(b"\x96" + struct.pack("<Q", 1 << 40)),
    "bytes_huge": _pickle(b"\x8e" + struct.pack("<Q", 1 << 40)),
    "text_huge": _pickle(b"\x8d" + struct.pack("<Q", 1 << 62)),
    "text_short": _pickle(b"X" + struct.pack("<I", 1 << 31)),
    "long_huge": _pickle(b"\x8b" + struct.pack("<i", (1 << 31) - 1)),
    "long_negative": _pickle(b"\x8b" + struct.pack("<i", -1)),
    "long_digits": _pickle(b"L" + b"9" * 1_000_000 + b"L\n"),
    "memo_huge": _pickle(b"}r" + struct.pack("<I", (1 << 32) - 1)),
    "memo_missing": _pickle(b"h\x07"),
    "memo_empty": _pickle(b"q\x00"),
    "stack_empty": _pickle(b"0"),
    "marks": _pickle(b"(" * 500_000),
    "no_mark": _pickle(b"t"),
    "too_few": _pickle(b"}K\x01\x87"),
    "odd_items": _pickle(b"}(K\x01u"),
    "append_to_number": _pickle(b"K\x01K\x01a"),
    "item_of_number": _pickle(b"K\x01K\x01K\x01s"),
    "self": _pickle(b"}q\x00", _text("state_dict"), b"h\x00s"),
    "self_list": _pickle(b"]q\x00h\x00a"),
    "key_deep": _pickle(b"}", b")" + b"\x85" * 300_000, b"K\x01s"),
    "key_list": _pickle(b"}]K\x01s"),
    "key_long": _pickle(b"}\x8b", struct.pack("<i", 1 << 20), b"\x7f" * (1 << 20), b"K\x01s"),
    "deep_tuple": _deep(b")", b"\x85"),
    "deep_list": _deep(b"]", b"a"),
    "deep_mark": _deep(b"(", b"t"),
    "instructions": _pickle(b"}0" * 1_000_000),
    "frames": _pickle(b"\x95" + struct.pack("<Q", 1 << 62), b"}"),
    "no_stop": b"\x80\x02}",
    "protocol": b"\x80\xff}.",
    "names_long": _pickle(_text("a" * 500) + b"q\x000", b"h\x00h\x00\x93" * 300_000, b"}"),
    "dicts_of_one_list": _pickle(
        b"](" + b"K\x01K\x02\x86" * 100_000 + b"eq\x000",
        b"ccollections\nOrderedDict\nh\x00\x85R" * 5000,
    ),
    "subclass_deep": _pickle(
        b"ctorch._tensor\n_rebuild_from_type_v2\nq\x000",
        b"h\x00N)" * 100_000,
        b"N\x94\x87R" * 10,
    ),
    "storage_text": _pickle(_text("storage" * 100_000), b"Q"),
    "storage_short": _pickle(_text("storage"), b"\x85Q"),
    "storage_part": _pickle(_storage(_text("0"), _text("cpu"), b"K\x04", _text("part"))),
    "storage_size": _pickle(_storage(_text("0"), _text("cpu"), b"J\xff\xff\xff\xff")),
    "storage_key": _pickle(_storage(b"]", _text("cpu"), b"K\x04")),
    "string": _pickle(b"S'unclosed\n"),
    "unicode": _pickle(b"V\\ud800\\U99999999\n"),
    "not_utf8": _pickle(b"X" + struct.pack("<I", 2) + b"\xff\xfe"),
}


def _cut(share, is_old):
    def write(path):
        save(harmless_arrays(), path, is_old)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) * share // 100])

    return write


def _flipped(seed, is_old):
    """Changes a few bytes, half of them in the pickle."""

    def write(path):
        save({"state_dict": harmless_arrays(), "epoch": 3}, path, is_old)
        data = bytearray(path.read_bytes())
        generator = np.random.default_rng(seed)
        end = len(data) if seed % 2 else 2500
        for at in generator.integers(0, end, 1 + seed % 6):
            data[at] ^= int(generator.integers(1, 256))
        path.write_bytes(data)

    return write


def _changed(seed):
    """Changes, removes and repeats bytes of the pickle inside a sound ZIP file."""

    def write(path):
        data, storages = pickled({"state_dict": harmless_arrays(), "epoch": 3})
        data, generator = bytearray(data), np.random.default_rng(seed)
        for _ in range(1 + seed % 4):
            at, length = (int(x) for x in generator.integers(0, len(data), 2))
            kind, length = generator.integers(3), length % 40
            if kind == 0:
                data[at] = int(generator.integers(256))
            elif kind == 1:
                del data[at : at + length]
            else:
                data[at:at] = data[at : at + length] * 3
        write_zip(path, bytes(data), storages)

    return write


def _bomb(path):
    zeros = {"0": np.zeros(100_000_000, np.float32)}
    data, _ = pickled({"w": np.zeros(4, np.float32)})
    write_zip(path, data, zeros, zipfile.ZIP_DEFLATED)


def _without(path, is_old):
    """Leaves out the numbers that the pickle refers to."""
    data, _ = pickled(harmless_arrays(), is_old)
    (write_old if is_old else write_zip)(path, data, {})


def _fewer(path, is_old):
    data, storages = pickled(harmless_arrays(), is_old)
    storages = {key: array.ravel()[:-1] for key, array in storages.items()}
    (write_old if is_old else write_zip)(path, data, storages)


def _count(path, value):
    """Claims another count of numbers in the older format."""
    save({"fc.weight": np.ones(3, np.float32)}, path, is_old=True)
    path.write_bytes(path.read_bytes()[:-20] + struct.pack("<q", value) + bytes(12))


def _members(path, *members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)


def _big_endian(path):
    data, storages = pickled(harmless_arrays())
    arrays = [(f"archive/data/{key}", array.tobytes()) for key, array in storages.items()]
    _members(path, ("archive/data.pkl", data), ("archive/byteorder", "big"), *arrays)


def _own():
    for is_old in (False, True):
        end = "_old" if is_old else ""
        for name, content in _HARMLESS.items():
            yield f"harmless_{name}{end}", _saved(content, is_old)
        for name, content in _CONTENTS.items():
            yield name + end, _saved(content, is_old)
        for name, data in _PICKLES.items():
            write = write_old if is_old else write_zip
            yield f"{name}_instructions{end}", functools.partial(write, data=data, storages={})
        for share in (1, 20, 50, 90, 99):
            yield f"truncated_{share}{end}", _cut(share, is_old)
        for seed in range(60):
            yield f"flipped_{seed}{end}", _flipped(seed, is_old)
        yield f"without_numbers{end}", functools.partial(_without, is_old=is_old)
        yield f"fewer_numbers{end}", functools.partial(_fewer, is_old=is_old)

    yield from ((f"changed_{seed}", _changed(seed)) for seed in range(200))
    for value in (-1, 0, 1 << 40, 1 << 62):
        yield f"count_{value}", functools.partial(_count, value=value)
    yield "bomb", _bomb
    yield "big_endian", _big_endian
    yield "script", lambda path: _members(path, ("a/data.pkl", b""), ("a/constants.pkl", b""))
    yield "no_pickle", lambda path: _members(path, ("a/version", b"3"))
    yield "two_pickles", lambda path: _members(path, ("a/data.pkl", b""), ("b/data.pkl", b""))
    for name, payload in (("open", _Payload()), ("system", _System())):
        for protocol in range(6):
            data = pickle.dumps({"state_dict": payload}, protocol)
            yield f"pickle_{name}_{protocol}", lambda path, data=data: path.write_bytes(data)


def _torch_saved(content, **options):
    return lambda path: torch.save(content, path, **options)


def _torch_script(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def _from_torch():
    """Yields what only PyTorch writes."""
    arrays = harmless_arrays()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    ones = torch.ones(2, 2)
    contents = {
        "harmless": tensors,
        "harmless_half": {k: torch.nn.Parameter(v.bfloat16()) for k, v in tensors.items()},
        "module": torch.nn.Linear(2, 2),
        "module_inside": {"model": torch.nn.Linear(2, 2)},
        "sparse": {"fc.weight": ones.to_sparse()},
        "meta": {"fc.weight": torch.empty(10**6, 10**6, device="meta")},
        "quantized": {"fc.weight": torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8)},
        "numpy": {"state_dict": {"fc.weight": np.ones(2)}, "best": np.float64(1)},
    }
    for name, content in contents.items():
        for is_new in (True, False):
            options = {"_use_new_zipfile_serialization": is_new}
            yield f"{name}_torch_{is_new}", _torch_saved(content, **options)
    yield "script_torch", _torch_script


FILES = dict(_own())
if torch is not None:
    FILES.update(_from_torch())
HARMLESS = {name for name in FILES if name.startswith("harmless")}
_MAY_LOAD = ("harmless", "flipped", "changed", "payload_beside", "payload_system_beside")
MAY_LOAD = {name for name in FILES if name.startswith(_MAY_LOAD)}
"""Cases that may give arrays, because nothing in them does harm."""
