"""Writes files as `torch.save` does, in both formats, without PyTorch."""

import collections
import io
import pickle
import struct
import sys
import types
import unittest.mock
import zipfile

import numpy as np

KINDS = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "bfloat16": "BFloat16Storage",
    "complex64": "ComplexFloatStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}
MAGIC = 0x1950A86A20F9469CFC6C
MACHINE = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}


def _stand_ins():
    """Modules whose classes and functions are pickled under PyTorch's names."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in KINDS.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        pass

    def _rebuild_parameter():
        pass

    for function in (_rebuild_tensor_v2, _rebuild_parameter):
        function.__module__, function.__qualname__ = "torch._utils", function.__name__
        setattr(utils, function.__name__, function)
    torch._utils = utils
    return {"torch": torch, "torch._utils": utils}


class View:
    """A tensor that shares the numbers of an array with others."""

    def __init__(self, base, offset, shape, strides):
        self.base, self.offset, self.shape, self.strides = base, offset, shape, strides


class Parameter:
    """A tensor that is trained."""

    def __init__(self, array):
        self.array = array


class _Storage:
    def __init__(self, array, key):
        self.array, self.key = array, key


class _Pickler(pickle.Pickler):
    def __init__(self, file, modules, is_old):
        super().__init__(file, protocol=2)
        self.torch, self.is_old = modules["torch"], is_old
        self.storages, self.keys = {}, {}

    def persistent_id(self, value):
        if not isinstance(value, _Storage):
            return None
        kind = getattr(self.torch, KINDS[value.array.dtype.name])
        reference = "storage", kind, value.key, "cpu", value.array.size
        return (*reference, None) if self.is_old else reference

    def reducer_override(self, value):
        if isinstance(value, Parameter):
            arguments = value.array, True, collections.OrderedDict()
            return self.torch._utils._rebuild_parameter, arguments
        if isinstance(value, np.ndarray):
            strides = tuple(np.empty(value.shape, "i1").strides)
            value = View(np.ascontiguousarray(value), 0, value.shape, strides)
        if not isinstance(value, View):
            return NotImplemented
        key = self.keys.setdefault(id(value.base), str(len(self.keys)))
        self.storages[key] = value.base
        storage = _Storage(value.base, key)
        layout = value.offset, value.shape, value.strides
        arguments = (storage, *layout, False, collections.OrderedDict())
        return self.torch._utils._rebuild_tensor_v2, arguments


def pickled(content, is_old=False):
    """Returns the pickle of what `torch.save` gets, and the arrays behind it by key."""
    modules, buffer = _stand_ins(), io.BytesIO()
    with unittest.mock.patch.dict(sys.modules, modules):
        pickler = _Pickler(buffer, modules, is_old)
        pickler.dump(content)
    return buffer.getvalue(), pickler.storages


def save(content, path, is_old=False):
    """Writes dicts of arrays and of anything else; arrays become tensors."""
    data, storages = pickled(content, is_old)
    (write_old if is_old else write_zip)(path, data, storages)


def write_zip(path, data, storages, method=zipfile.ZIP_STORED):
    """Writes the newer format from its pickle and the arrays by key."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        archive.writestr("archive/version", "3\n")


def write_old(path, data, storages):
    """Writes the older format from its pickle and the arrays by key."""
    parts = [pickle.dumps(value, 2) for value in (MAGIC, 1001, MACHINE)]
    parts += [data, pickle.dumps(sorted(storages), 2)]
    for key in sorted(storages):
        parts += [struct.pack("<q", storages[key].size), storages[key].tobytes()]
    path.write_bytes(b"".join(parts))
