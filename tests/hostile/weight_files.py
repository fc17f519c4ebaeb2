"""Hostile files with weights. Each table maps the name of a case to a function that writes it.

`HDF5` functions get the path of a harmless `model.weights.h5` and change it; the others get the
path of a file that does not exist.
"""

import functools
import io
import json
import pathlib
import struct
import zipfile

import h5py
import numpy as np
from hostile.networks import CANARY, NETWORKS
from safetensors.numpy import save_file

_FIRST = "layers/conv2d/vars/0"


def _edit(path, change):
    with h5py.File(path, "a") as file:
        name = _FIRST if _FIRST in file else _first_dataset(file)
        change(file, name)


def _first_dataset(file):
    found = []
    file.visititems(lambda name, x: found.append(name) if isinstance(x, h5py.Dataset) else None)
    return next(name for name in found if name != "frozen_layers")


def _replaced(path, **options):
    """Replaces the first data set by another of the same shape, or by the given one."""

    def change(file, name):
        shape = file[name].shape
        del file[name]
        file.create_dataset(name, **{"shape": shape, "dtype": "f4", **options})

    _edit(path, change)


def _linked(path, link):
    def change(file, name):
        del file[name]
        file[name] = link

    _edit(path, change)


def _virtual(path):
    def change(file, name):
        shape = file[name].shape
        del file[name]
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape)
        file.create_virtual_dataset(name, layout)

    _edit(path, change)


def _cycle(path):
    def change(file, name):
        group = file[name.partition("/")[0]]
        group["again"] = group
        file["root"] = file["/"]

    _edit(path, change)


def _alias(path):
    def change(file, name):
        file["alias"] = file[name]

    _edit(path, change)


def _deep(path):
    def change(file, name):
        file.create_group("/".join(["a"] * 3000))

    _edit(path, change)


def _many(path):
    def change(file, name):
        for i in range(50_100):
            file.create_group(f"g/{i}")

    _edit(path, change)


def _attribute(path):
    with h5py.File(path, "a", libver="latest") as file:
        file.create_group("big", track_order=True).attrs["a"] = np.zeros(20 << 20, np.uint8)


def _named_type(path):
    with h5py.File(path, "a") as file:
        file["type"] = np.dtype("f4")


def _null(path):
    def change(file, name):
        del file[name]
        file[name] = h5py.Empty("f4")

    _edit(path, change)


def _filter(path):
    def change(file, name):
        shape = file[name].shape
        del file[name]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk(shape)
        properties.set_filter(h5py.h5z.FILTER_LZF)
        space = h5py.h5s.create_simple(shape)
        h5py.h5d.create(file.id, b"lzf", h5py.h5t.NATIVE_FLOAT, space, properties)

    _edit(path, change)


def _without(path):
    _edit(path, lambda file, name: file.__delitem__(name))


def _values(path, value):
    def change(file, name):
        file[name][...] = value

    _edit(path, change)


def _frozen(path, value):
    with h5py.File(path, "a") as file:
        del file["frozen_layers"]
        file["frozen_layers"] = value


def _bytes(path, change):
    path.write_bytes(bytes(change(bytearray(path.read_bytes()))))


def _flipped(data, seed):
    generator = np.random.default_rng(seed)
    for at in generator.integers(0, min(len(data), 8000), 1 + seed % 8):
        data[at] ^= int(generator.integers(1, 256))
    return data


def _external_file(path):
    _replaced(path, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


_JSON = '["conv2d"'
HDF5 = {
    "harmless": lambda path: None,
    "external_link": functools.partial(_linked, link=h5py.ExternalLink("/etc/passwd", "/x")),
    "soft_link": functools.partial(_linked, link=h5py.SoftLink("/layers")),
    "dangling_link": functools.partial(_linked, link=h5py.SoftLink("/nowhere")),
    "self_link": functools.partial(_linked, link=h5py.SoftLink(f"/{_FIRST}")),
    "external_data": _external_file,
    "virtual_data": _virtual,
    "group_cycle": _cycle,
    "alias": _alias,
    "deep_groups": _deep,
    "many_groups": _many,
    "big_attribute": _attribute,
    "named_type": _named_type,
    "null_space": _null,
    "lzf": _filter,
    "missing": _without,
    "unallocated_3gb": functools.partial(_replaced, shape=(800_000_000,)),
    "unallocated_3tb": functools.partial(_replaced, shape=(800_000_000_000,)),
    "unallocated_1gb": functools.partial(_replaced, shape=(250_000_000,)),
    "chunked_3gb": functools.partial(_replaced, shape=(800_000_000,), chunks=(1 << 20,)),
    "gzip_3gb": functools.partial(
        _replaced,
        shape=(800_000_000,),
        chunks=(1 << 20,),
        compression="gzip",
        fillvalue=1,
    ),
    "scalar": functools.partial(_replaced, shape=()),
    "empty_shape": functools.partial(_replaced, shape=(0,)),
    "many_axes": functools.partial(_replaced, shape=(1,) * 32),
    "other_shape": functools.partial(_replaced, shape=(5, 7)),
    "strings": functools.partial(_replaced, dtype=h5py.string_dtype()),
    "fixed_strings": functools.partial(_replaced, dtype="S1000"),
    "objects": functools.partial(_replaced, dtype=h5py.vlen_dtype("f4")),
    "references": functools.partial(_replaced, dtype=h5py.ref_dtype),
    "compound": functools.partial(_replaced, dtype=[("a", "f4"), ("b", "f8")]),
    "complex": functools.partial(_replaced, dtype="c8"),
    "arrays": functools.partial(_replaced, dtype=np.dtype(("f4", (1000, 1000)))),
    "opaque": functools.partial(_replaced, dtype="V1000000"),
    "boolean": functools.partial(_replaced, dtype="?"),
    "nan": functools.partial(_values, value=np.nan),
    "infinite": functools.partial(_values, value=np.inf),
    "frozen_no_json": functools.partial(_frozen, value=np.frombuffer(_JSON.encode(), np.uint8)),
    "frozen_number": functools.partial(_frozen, value=np.frombuffer(b"5", np.uint8)),
    "frozen_float": functools.partial(_frozen, value=np.zeros(3)),
    "frozen_deep": functools.partial(_frozen, value=np.full(1_000_000, ord("["), np.uint8)),
    "frozen_matrix": functools.partial(_frozen, value=np.zeros((3, 3), np.uint8)),
    "empty": functools.partial(_bytes, change=lambda data: b""),
    "zeros": functools.partial(_bytes, change=lambda data: bytes(len(data))),
    "signature": functools.partial(_bytes, change=lambda data: data[:8]),
    "lfs": functools.partial(
        _bytes,
        change=lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
    ),
    "html": functools.partial(_bytes, change=lambda _: b"\n<!doctype html>\n<title>404</title>"),
    "gzipped": functools.partial(_bytes, change=lambda _: b"\x1f\x8b\x08" + bytes(100)),
    "pickle": functools.partial(_bytes, change=lambda _: b"\x80\x04cos\nsystem\n(S'true'\ntR."),
    "behind_text": functools.partial(_bytes, change=lambda data: bytes(512) + data),
    **{
        f"truncated_{share}": functools.partial(
            _bytes,
            change=lambda data, share=share: data[: len(data) * share // 100],
        )
        for share in (1, 5, 20, 50, 90, 99)
    },
    **{
        f"flipped_{seed}": functools.partial(_bytes, change=functools.partial(_flipped, seed=seed))
        for seed in range(200)
    },
}
HDF5_MAY_LOAD = {"harmless", "boolean", "nan", "infinite", "frozen_number", "behind_text"} | {
    name for name in HDF5 if name.startswith("flipped")
}


def _zip(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)


def _array(**changes):
    """Returns the bytes of a `.npy` file whose header says something else."""
    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2,), **changes}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + bytes(8)


def _pickled(path, make):
    class Payload:
        def __reduce__(self):
            return open, (CANARY, "w")

    make(path, w=np.array([Payload()], dtype=object))


def harmless_arrays():
    """Returns arrays under names that stand for a ResNet-18."""
    blocks = [f"layer{stage}.{block}.conv1.weight" for stage in (1, 2, 3, 4) for block in (0, 1)]
    shapes = {"fc.weight": (3, 8), "conv1.weight": (64, 3, 7, 7), **dict.fromkeys(blocks, (2,))}
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


NPZ = {
    "harmless": lambda path: np.savez(path, **harmless_arrays()),
    "objects": functools.partial(_pickled, make=np.savez),
    "objects_compressed": functools.partial(_pickled, make=np.savez_compressed),
    "bomb": lambda path: np.savez_compressed(path, w=np.zeros(100_000_000, np.uint8)),
    "no_arrays": lambda path: _zip(path, []),
    "text": lambda path: _zip(path, [("w.npy", b"text")]),
    "empty_member": lambda path: _zip(path, [("w.npy", b"")]),
    "outside": lambda path: _zip(path, [("../../w.npy", _array())]),
    "twice": lambda path: _zip(path, [("w.npy", _array()), ("v", _array())]),
    "lzma": lambda path: _zip(path, [("w.npy", _array())], zipfile.ZIP_LZMA),
    "bzip2": lambda path: _zip(path, [("w.npy", _array())], zipfile.ZIP_BZIP2),
    "huge_shape": lambda path: _zip(path, [("w.npy", _array(shape=(10**13,)))]),
    "overflow": lambda path: _zip(path, [("w.npy", _array(shape=(2**33, 2**33)))]),
    "negative": lambda path: _zip(path, [("w.npy", _array(shape=(-2,)))]),
    "huge_type": lambda path: _zip(path, [("w.npy", _array(descr="|V2000000000"))]),
    "object_type": lambda path: _zip(path, [("w.npy", _array(descr="|O"))]),
    "no_type": lambda path: _zip(path, [("w.npy", _array(descr="evil"))]),
    "shape_text": lambda path: _zip(path, [("w.npy", _array(shape="ab"))]),
    "header_code": lambda path: _zip(
        path,
        [("w.npy", b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').system('true') ")],
    ),
    "header_deep": lambda path: _zip(
        path,
        [("w.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000)],
    ),
    "other_version": lambda path: _zip(path, [("w.npy", b"\x93NUMPY\x09\x00" + bytes(20))]),
    "not_zip": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(50)),
    "npy": lambda path: path.write_bytes(_array()),
    "empty": lambda path: path.write_bytes(b""),
    "html": lambda path: path.write_bytes(b"<html>"),
}


def _safetensors(path, header, data=bytes(8)):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def _tensor(**fields):
    return {"fc.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **fields}}


SAFETENSORS = {
    "harmless": lambda path: save_file(harmless_arrays(), path),
    "no_network": lambda path: _safetensors(path, _tensor()),
    "half": lambda path: _safetensors(path, _tensor(shape=[1])),
    "huge": lambda path: _safetensors(path, _tensor(shape=[2**62])),
    "negative": lambda path: _safetensors(path, _tensor(shape=[-2])),
    "beyond": lambda path: _safetensors(path, _tensor(shape=[200], data_offsets=[0, 800])),
    "reversed": lambda path: _safetensors(path, _tensor(data_offsets=[8, 0])),
    "no_type": lambda path: _safetensors(path, _tensor(dtype="OBJ")),
    "float8": lambda path: _safetensors(path, _tensor(dtype="F8_E4M3", shape=[8])),
    "bfloat16": lambda path: _safetensors(path, _tensor(dtype="BF16", shape=[4])),
    "overlap": lambda path: _safetensors(path, {**_tensor(), "b": _tensor()["fc.weight"]}),
    "array": lambda path: _safetensors(path, [1]),
    "text": lambda path: _safetensors(path, b"text"),
    "deep": lambda path: _safetensors(path, b'{"a":' * 100_000),
    "header_huge": lambda path: path.write_bytes(struct.pack("<Q", 2**62) + b"{}"),
    "short": lambda path: path.write_bytes(b"xx"),
    "empty": lambda path: path.write_bytes(b""),
}


def _keras(path, whole, change):
    """Writes a `.keras` file with some of its members changed; None leaves one out."""
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = {**members, **change(members)}
    _zip(path, [(name, content) for name, content in members.items() if content is not None])


def _keras_network(path, whole, name):
    def change(members):
        network = json.loads(members["config.json"])
        return {"config.json": json.dumps(NETWORKS[name](network)).encode()}

    _keras(path, whole, change)


def _keras_weights(path, whole, name):
    def change(members):
        inner = path.with_suffix(".weights.h5")
        inner.write_bytes(members["model.weights.h5"])
        HDF5[name](inner)
        return {"model.weights.h5": inner.read_bytes()}

    _keras(path, whole, change)


def _bomb(path, whole, name):
    zeros = bytes(300 << 20)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(path, "w") as target:
        for member in archive.namelist():
            content = zeros if member == name else archive.read(member)
            target.writestr(member, content, zipfile.ZIP_DEFLATED)


def _encrypted(path, whole):
    data = bytearray(pathlib.Path(whole).read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(mark, start + 4)
    path.write_bytes(data)


def _cut(path, whole, share):
    data = pathlib.Path(whole).read_bytes()
    path.write_bytes(data[: len(data) * share // 100])


_IN_FILES = [
    name for name in NETWORKS if name.startswith(("live_", "layer_", "lambda_", "model_", "no_"))
]
KERAS = {
    "harmless": functools.partial(_keras, change=lambda _: {}),
    **{f"network_{name}": functools.partial(_keras_network, name=name) for name in _IN_FILES},
    **{
        f"weights_{name}": functools.partial(_keras_weights, name=name)
        for name in HDF5
        if name not in HDF5_MAY_LOAD and "frozen" not in name and name != "many_groups"
    },
    "no_config": functools.partial(_keras, change=lambda _: {"config.json": None}),
    "no_weights": functools.partial(_keras, change=lambda _: {"model.weights.h5": None}),
    "config_binary": functools.partial(_keras, change=lambda _: {"config.json": b"\xff\xfe"}),
    "outside": functools.partial(_keras, change=lambda _: {"../../outside": b"x"}),
    "assets": functools.partial(_keras, change=lambda _: {"assets/../../outside": b"x"}),
    "bomb_config": functools.partial(_bomb, name="config.json"),
    "bomb_weights": functools.partial(_bomb, name="model.weights.h5"),
    "encrypted": _encrypted,
    "truncated": functools.partial(_cut, share=50),
    "short": functools.partial(_cut, share=1),
}
KERAS_MAY_LOAD = {"harmless", "outside", "assets"}


def _legacy_network(path, whole, name):
    path.write_bytes(pathlib.Path(whole).read_bytes())
    with h5py.File(path, "a") as file:
        network = json.loads(file.attrs["model_config"])
        file.attrs["model_config"] = json.dumps(NETWORKS[name](network))


def _legacy_attribute(path, whole, value):
    path.write_bytes(pathlib.Path(whole).read_bytes())
    with h5py.File(path, "a", libver="latest") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = value


def _legacy_change(path, whole, name):
    path.write_bytes(pathlib.Path(whole).read_bytes())
    HDF5[name](path)


LEGACY = {
    "harmless": functools.partial(_legacy_network, name="harmless"),
    **{f"network_{name}": functools.partial(_legacy_network, name=name) for name in _IN_FILES},
    **{
        f"weights_{name}": functools.partial(_legacy_change, name=name)
        for name in HDF5
        if name not in HDF5_MAY_LOAD and "frozen" not in name and name not in ("many_groups",)
    },
    "config_number": functools.partial(_legacy_attribute, value=5),
    "config_array": functools.partial(_legacy_attribute, value=np.zeros(1000)),
    "config_text": functools.partial(_legacy_attribute, value="text"),
    "config_binary": functools.partial(_legacy_attribute, value=np.bytes_(b"\xff\xfe")),
    "config_deep": functools.partial(_legacy_attribute, value="[" * 60_000),
}
