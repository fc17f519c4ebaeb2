"""The spec inside a `.tflite` file, so that a model needs no file beside it.

A TFLite file is a flatbuffer whose root table `Model` has a vector of `Metadata {name, buffer}`; ours is named
`TSM_SPEC` and its buffer holds the JSON of `ModelSpec.to_json`. Reading needs the standard library only.
"""

import pathlib
import struct

from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

NAME = "TSM_SPEC"
_IDENTIFIER = b"TFL3"
# Positions of the fields in TFLite's schema: Model.buffers, Model.metadata, Metadata.name, .buffer, Buffer.data
_BUFFERS, _METADATA, _NAME, _BUFFER, _DATA = 4, 6, 0, 1, 0


def add_spec(model: bytes, spec: ModelSpec) -> bytes:
    """Returns a `.tflite` file's bytes with the spec inside; needs TensorFlow."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    buffer = schema.BufferT()
    buffer.data = list(spec.to_json().encode())
    tree.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = NAME.encode(), len(tree.buffers) - 1
    tree.metadata = [*(tree.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(tree))


def read_spec(path: pathlib.Path) -> ModelSpec:
    """Returns the spec inside a `.tflite` file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, a damaged one, or one that this project did not write.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`model` must be an existing file: {path}")
    with path.open("rb") as file:
        data = file.read(8)
        if data[4:8] != _IDENTIFIER:
            raise InputError("model", "must be a TFLite file", str(path))
        data += file.read()
    try:
        text = _find(memoryview(data))  # its slices are no copies
    except (struct.error, ValueError):
        raise InputError("model", "must be a whole TFLite file; this one is damaged", str(path)) from None
    if text is None:
        raise InputError("model", "must be a file written by export.tflite, with the model's spec inside", str(path))
    try:
        return ModelSpec.from_json(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("model", f"must hold a spec that this version knows ({error})", str(path)) from None


def _find(data):
    root = _offset(data, 0)
    # All of them, so that a file that was cut off is refused here: interpreters read on behind its end.
    buffers = [_bytes(data, _field(data, table, _DATA)) for table in _vector(data, _field(data, root, _BUFFERS))]
    for entry in _vector(data, _field(data, root, _METADATA)):
        if _bytes(data, _field(data, entry, _NAME)) == NAME.encode():
            position = _field(data, entry, _BUFFER)
            index = struct.unpack_from("<I", data, position)[0] if position else 0
            if index >= len(buffers):
                raise ValueError("no such buffer")
            return bytes(buffers[index]).decode()
    return None


def _offset(data, position):
    """Follows a flatbuffer's relative offset."""
    return position + struct.unpack_from("<I", data, position)[0]


def _field(data, table, number):
    """Returns where a table's field is, or 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise ValueError("a table outside the file")
    size = struct.unpack_from("<H", data, vtable)[0]
    entry = 4 + 2 * number
    relative = struct.unpack_from("<H", data, vtable + entry)[0] if entry < size else 0
    return table + relative if relative else 0


def _vector(data, position):
    """Returns where the tables of a vector are."""
    if not position:
        return []
    start = _offset(data, position)
    length = struct.unpack_from("<I", data, start)[0]
    if start + 4 + 4 * length > len(data):
        raise ValueError("a vector that ends outside the file")
    return [_offset(data, start + 4 + 4 * i) for i in range(length)]


def _bytes(data, position):
    if not position:
        return b""
    start = _offset(data, position)
    length = struct.unpack_from("<I", data, start)[0]
    if start + 4 + length > len(data):
        raise ValueError("bytes that end outside the file")
    return data[start + 4 : start + 4 + length]
