"""The metadata that other TFLite tools read: Android Studio, ML Kit, the Task Library, model viewers.

A flatbuffer of its own inside the model's (`TFLITE_METADATA`; schema: tflite-support's `metadata_schema.fbs`), and the
label file in a ZIP behind it: `unzip model.tflite labels.txt`.
"""

import io
import zipfile
from importlib import metadata

import flatbuffers
from flatbuffers import number_types

from export.format.reader import Model
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

NAME = "TFLITE_METADATA"
LABEL_FILE = "labels.txt"
_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"  # nothing here came later than the schema's first version
_TENSOR_AXIS_LABELS = 2  # AssociatedFileType
_FEATURE, _IMAGE = 1, 2  # ContentProperties
_RGB = 1  # ColorSpaceType
_NORMALISATION = 1  # ProcessUnitOptions


def standard_metadata(model: Model, spec: ModelSpec) -> bytes:
    """Returns the flatbuffer that describes each input and output of a model, in the order of its graph."""
    builder = flatbuffers.Builder()
    graph, (signature, *_) = model.graphs[0], model.signatures
    inputs = [_input(builder, name, spec) for name in _in_order(graph.inputs, signature.inputs)]
    outputs = [_output(builder, name, spec) for name in _in_order(graph.outputs, signature.outputs)]
    subgraph = _table(builder, None, None, _vector(builder, inputs), _vector(builder, outputs))
    labels = f"{spec.num_classes} classes" if spec.labels is None else ", ".join(spec.labels)
    root = _table(
        builder,
        builder.CreateString(f"TSM {spec.backbone}"),
        builder.CreateString(
            f"Recognises actions in a stream of frames by Temporal Shift Module: {labels}"
        ),
        builder.CreateString(metadata.version("tsm-tf")),
        _vector(builder, [subgraph]),
        None,  # author
        None,  # license
        None,  # associated files of the whole model
        builder.CreateString(_MIN_PARSER_VERSION),
    )
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def append_label_file(content: bytes, spec: ModelSpec) -> bytes:
    """Returns a file's bytes with a ZIP of `labels.txt` behind them, one class name a line; as they are without names.

    Raises:
        InputError: a name of several lines.
    """
    if spec.labels is None:
        return content
    for label in spec.labels:
        if len(label.splitlines()) != 1:
            raise InputError("labels", "must be names of one line each", label)
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        entry = zipfile.ZipInfo(LABEL_FILE)  # of 1980: the same bytes whenever it is written
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, "".join(f"{label}\n" for label in spec.labels))
    return file.getvalue()


def _in_order(indices, names):
    """Returns the signature's names in the order of the graph's tensors, of which one may go out under two names."""
    left = list(names.items())
    ordered = []
    for index in indices:
        left.remove(entry := next(entry for entry in left if entry[1] == index))
        ordered.append(entry[0])
    return ordered


def _input(builder, name, spec):
    if name != "image":
        return _cache(builder, name, "what the last frame gave out under this name")
    is_rgb = spec.modality == "rgb"
    size = _table(builder, _uint(spec.input_size), _uint(spec.input_size))
    properties = _table(builder, _byte(_RGB), size) if is_rgb else _table(builder)
    unchanged = _table(
        builder, _floats(builder, [0.0]), _floats(builder, [1.0])
    )  # the model normalises 0..255 itself
    return _tensor(
        builder,
        name,
        f"A frame in 0..255, its short side resized to {spec.short_side}, cropped to the centre",
        content=_table(builder, _byte(_IMAGE if is_rgb else _FEATURE), properties),
        process_units=_vector(builder, [_table(builder, _byte(_NORMALISATION), unchanged)]),
        stats=_table(builder, _floats(builder, [255.0]), _floats(builder, [0.0])),
    )


def _output(builder, name, spec):
    if name != "logits":
        return _cache(builder, name, "the next frame's input of this name")
    files = None
    if spec.labels is not None:
        strings = builder.CreateString(LABEL_FILE), builder.CreateString("Names of the classes")
        files = _vector(builder, [_table(builder, *strings, _byte(_TENSOR_AXIS_LABELS))])
    return _tensor(builder, name, "Score of each class, before a softmax", files=files)


def _cache(builder, name, link):
    return _tensor(builder, name, f"A cache of the stream, {link}; zeros before the first frame")


def _tensor(builder, name, description, content=None, process_units=None, stats=None, files=None):
    strings = builder.CreateString(name), builder.CreateString(description)
    content = content or _table(builder, _byte(_FEATURE), _table(builder))
    return _table(builder, *strings, None, content, process_units, stats, files)


def _table(builder, *fields):
    """Writes a table: fields in the schema's order, offsets of what was written, `_byte`, `_uint`, or None."""
    builder.StartObject(len(fields))
    for slot, value in enumerate(fields):
        if isinstance(value, tuple):
            builder.PrependSlot(value[0], slot, value[1], 0)
        elif value is not None:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _vector(builder, tables):
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _floats(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return builder.EndVector()


def _byte(value):
    return number_types.Uint8Flags, value


def _uint(value):
    return number_types.Uint32Flags, value
