"""The spec inside a `.tflite` file, so that a model needs no file beside it.

The metadata named `TSM_SPEC` holds the JSON of `ModelSpec.to_json`; `TSM_STREAM` holds `{"variant": "int8", "start":
{"shift_00": -3, ...}}`: the value that fills each cache before the first frame; `TSM_CRC32` is a checksum of the whole
file. Reading needs no interpreter, and makes sure that the file is one that an interpreter can be trusted with.
"""

import json
import pathlib
import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from export.format.flatbuffer import Damaged
from export.format.reader import IDENTIFIER, Model, parse_model, read_model
from export.format.verify import verify
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

NAME = "TSM_SPEC"
STREAM_NAME = "TSM_STREAM"
CHECKSUM = "TSM_CRC32"


class Contents(NamedTuple):
    """What is said inside a file of this project.

    Args:
        spec: of the model.
        variant: how it is quantised.
        start: of each cache the value before the first frame; caches that are not named begin with 0.
        is_online: whether it takes one frame at a time, instead of clips.
    """

    spec: ModelSpec
    variant: str
    start: dict[str, int]
    is_online: bool


def add_spec(
    model: bytes, spec: ModelSpec, variant: str = "float32", start: Mapping[str, int] | None = None
) -> bytes:
    """Returns a `.tflite` file's bytes with the spec inside, and with the standard metadata; needs TensorFlow.

    Args:
        model: of the file.
        spec: of the model.
        variant: how it is quantised, a name of `export.tflite.VARIANTS`.
        start: of each cache the value before the first frame.

    Raises:
        InputError: labels that the standard's label file cannot hold.
    """
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    from export.tflite import standard_metadata

    standard = standard_metadata.standard_metadata(parse_model(model), spec)
    tree = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    tree.metadata = tree.metadata or []
    stream = json.dumps({"variant": variant, "start": dict(start or {})})
    entries = {
        NAME: spec.to_json().encode(),
        STREAM_NAME: stream.encode(),
        standard_metadata.NAME: standard,
        CHECKSUM: bytes(4),
    }
    for name, data in entries.items():
        entry = next((entry for entry in tree.metadata if entry.name.decode() == name), None)
        if entry is None:
            entry = schema.MetadataT()
            entry.name, entry.buffer = name.encode(), len(tree.buffers)
            tree.metadata.append(entry)
            tree.buffers.append(schema.BufferT())
        tree.buffers[entry.buffer].data = list(data)
    return seal(standard_metadata.append_label_file(_pack(tree), spec))


def _pack(tree) -> bytes:
    """Returns a model's bytes. Equal vectors are written once: zero points would be a tenth of int8."""
    import flatbuffers

    class Builder(flatbuffers.Builder):
        def CreateNumpyVector(self, x):
            key = x.dtype.str, x.tobytes()
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(x)
            return self.written[key]

    builder = Builder()
    builder.written = {}
    builder.Finish(tree.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def seal(content: bytes) -> bytes:
    """Returns a file of `add_spec` that was changed since with the checksum that it has now."""
    checksum, at = _checksum(parse_model(content))
    return content[:at] + struct.pack("<I", checksum) + content[at + 4 :]


def _checksum(model: Model) -> tuple[int, int]:
    """Returns the CRC-32 of a file, with zeros where it holds its own, and where that is."""
    at = model.metadata[CHECKSUM].ctypes.data - np.frombuffer(model.data, np.uint8).ctypes.data
    data = memoryview(model.data)
    return zlib.crc32(data[at + 4 :], zlib.crc32(bytes(4), zlib.crc32(data[:at]))), at


def read_spec(path: pathlib.Path) -> ModelSpec:
    """Returns the spec inside a `.tflite` file; raises as `read_contents`."""
    return read_contents(path).spec


def read_contents(path: pathlib.Path) -> Contents:
    """Returns what is said inside a `.tflite` file, after a check of the whole file.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, a damaged one, one that this project did not write, or one that would have an
            interpreter leave its memory.
    """
    model = read_model(path)
    text, stored = (model.metadata.get(name) for name in (NAME, CHECKSUM))
    if text is None or stored is None or stored.size != 4:
        raise InputError(
            "model",
            "must be a file written by export.tflite, with the model's spec inside",
            str(path),
        )
    if stored.tobytes() != struct.pack("<I", _checksum(model)[0]):
        rule = "must be as export.tflite wrote it; this one is damaged, or another tool changed it (its checksum differs)"
        raise InputError("model", rule, str(path))
    try:
        verify(model)
        spec = ModelSpec.from_json(text.tobytes().decode())
    except Damaged as error:
        raise InputError("model", f"must be safe to run; this one has {error}", str(path)) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(
            "model", f"must hold a spec that this version knows ({error})", str(path)
        ) from None
    stream = _stream(model, path)
    start = stream.get("start", {})
    if not isinstance(start, dict) or not all(
        type(value) is int and -128 <= value <= 127 for value in start.values()
    ):
        raise InputError(
            "model", f"must have whole numbers of int8 as start values in {STREAM_NAME}", str(path)
        )
    return Contents(spec, stream.get("variant", "float32"), start, _is_online(model))


def _is_online(model):
    images = [
        signature.inputs["image"] for signature in model.signatures if "image" in signature.inputs
    ]
    return bool(images) and len(model.graphs[0].tensors[images[0]].shape) == 4


def _stream(model, path):
    text = model.metadata.get(STREAM_NAME)
    if text is None:  # a file of an earlier version: float32
        return {}
    try:
        stream = json.loads(text.tobytes())
    except (ValueError, RecursionError) as error:
        raise InputError("model", f"must hold JSON in {STREAM_NAME} ({error})", str(path)) from None
    if not isinstance(stream, dict):
        raise InputError("model", f"must hold a JSON object in {STREAM_NAME}", str(path))
    return stream
