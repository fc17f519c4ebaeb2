"""Writes the metadata that other TFLite tools read, such as Android Studio, ML Kit and viewers.

It consists of a flatbuffer inside the model's (`TFLITE_METADATA`, whose schema is tflite-support's
`metadata_schema.fbs`), and of a ZIP with the label file behind the model:
`unzip model.tflite labels.txt`.
"""

import importlib.metadata
import io
import zipfile

import flatbuffers
from flatbuffers import number_types

from export.format.metadata import BOXES, CLASSES, COUNT, SCORES
from export.format.reader import Graph, Signature
from tsm_tf.any_spec import AnySpec, frame_shape
from tsm_tf.catalogue import RGB_CHANNELS
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError

NAME = "TFLITE_METADATA"
LABEL_FILE = "labels.txt"
_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"  # everything here is in the schema's first version
_TENSOR_AXIS_LABELS, _TENSOR_VALUE_LABELS = 2, 3  # AssociatedFileType
_FEATURE, _IMAGE, _BOUNDING_BOX = 1, 2, 3  # ContentProperties
_RGB = 1  # ColorSpaceType
_NORMALISATION = 1  # ProcessUnitOptions
_BOUNDARIES = 1  # BoundingBoxType
_YMIN_XMIN_YMAX_XMAX = (1, 0, 3, 2)  # positions of left, top, right and bottom
_RESULTS = {
    # names that tools for detectors look for, and descriptions
    BOXES: ("location", "ymin, xmin, ymax, xmax, relative to the frame's height and width"),
    CLASSES: ("category", "Number of each class, from 0"),
    SCORES: ("score", "Probability of each class, falling"),
    COUNT: ("number of detections", "Number of detections; the rest of the others is 0"),
}


def describe(graph: Graph, signature: Signature, spec: AnySpec) -> bytes:
    """Returns the flatbuffer that describes a graph's inputs and outputs, in the graph's order."""
    builder = flatbuffers.Builder()
    inputs = [_input(builder, name, spec) for name in _in_order(graph.inputs, signature.inputs)]
    outputs = [_output(builder, name, spec) for name in _in_order(graph.outputs, signature.outputs)]
    subgraph = _table(builder, None, None, _vector(builder, inputs), _vector(builder, outputs))

    labels = f"{spec.num_classes} classes" if spec.labels is None else ", ".join(spec.labels)
    purpose = "Detects objects" if isinstance(spec, DetectorSpec) else "Recognises actions"
    root = _table(
        builder,
        builder.CreateString(f"TSM {spec.backbone}"),
        builder.CreateString(f"{purpose} in a stream of frames by Temporal Shift Module: {labels}"),
        builder.CreateString(importlib.metadata.version("tsm-tf")),
        _vector(builder, [subgraph]),
        None,  # author
        None,  # license
        None,  # associated files of the whole model
        builder.CreateString(_MIN_PARSER_VERSION),
    )
    builder.Finish(root, _IDENTIFIER)
    return bytes(builder.Output())


def append_label_file(content: bytes, spec: AnySpec) -> bytes:
    """Appends a ZIP with `labels.txt`, one class name per line, to a file's bytes.

    Without class names, the bytes are returned unchanged.

    Raises:
        InputError: a class name with several lines.
    """
    if spec.labels is None:
        return content

    for label in spec.labels:
        if len(label.splitlines()) != 1:
            raise InputError("labels", "must be names of one line each", label)

    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        entry = zipfile.ZipInfo(LABEL_FILE)  # dated 1980, so that the bytes are reproducible
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, "".join(f"{label}\n" for label in spec.labels))
    return file.getvalue()


def _in_order(indices, names):
    """Returns a signature's names in the order of the graph's tensors.

    One tensor may be an output under two names.
    """
    remaining = list(names.items())
    ordered = []
    for index in indices:
        entry = next(entry for entry in remaining if entry[1] == index)
        remaining.remove(entry)
        ordered.append(entry[0])
    return ordered


def _input(builder, name, spec):
    if name != "image":
        return _cache(builder, name, "what the last frame gave out under this name")
    height, width, channels = frame_shape(spec)
    is_rgb = channels == RGB_CHANNELS
    size = _table(builder, _uint(width), _uint(height))
    properties = _table(builder, _byte(_RGB), size) if is_rgb else _table(builder)
    # The model normalises values in 0..255 itself, so tools must not.
    unchanged = _table(builder, _floats(builder, [0.0]), _floats(builder, [1.0]))
    return _tensor(
        builder,
        name,
        f"A frame in 0..255, {_fitting(spec)}",
        content=_table(builder, _byte(_IMAGE if is_rgb else _FEATURE), properties),
        process_units=_vector(builder, [_table(builder, _byte(_NORMALISATION), unchanged)]),
        stats=_table(builder, _floats(builder, [255.0]), _floats(builder, [0.0])),
    )


def _output(builder, name, spec):
    if isinstance(spec, DetectorSpec):
        if name in _RESULTS:
            return _result(builder, name, spec)
    elif name == "logits":
        return _logits(builder, name, spec)
    return _cache(builder, name, "the next frame's input of this name")


def _logits(builder, name, spec):
    files = _label_files(builder, spec, _TENSOR_AXIS_LABELS)
    function = "sigmoid" if spec.multi_label else "softmax"
    return _tensor(builder, name, f"Score of each class, before a {function}", files=files)


def _fitting(spec):
    if isinstance(spec, DetectorSpec):
        return "scaled to fit, at the top left; the rest has the mean colour"
    return f"its short side resized to {spec.short_side}, cropped to the centre"


def _result(builder, name, spec):
    """Writes one of the outputs of a detector."""
    files = _label_files(builder, spec, _TENSOR_VALUE_LABELS) if name == CLASSES else None
    content = None
    if name == BOXES:
        order = _uints(builder, _YMIN_XMIN_YMAX_XMAX)
        box = _table(builder, order, _byte(_BOUNDARIES))  # coordinates are ratios by default
        content = _table(builder, _byte(_BOUNDING_BOX), box)
    return _tensor(builder, *_RESULTS[name], content=content, files=files)


def _label_files(builder, spec, kind):
    if spec.labels is None:
        return None
    strings = builder.CreateString(LABEL_FILE), builder.CreateString("Names of the classes")
    return _vector(builder, [_table(builder, *strings, _byte(kind))])


def _cache(builder, name, link):
    return _tensor(builder, name, f"A cache of the stream, {link}; zeros before the first frame")


def _tensor(builder, name, description, content=None, process_units=None, stats=None, files=None):
    strings = builder.CreateString(name), builder.CreateString(description)
    content = content or _table(builder, _byte(_FEATURE), _table(builder))
    return _table(builder, *strings, None, content, process_units, stats, files)


def _table(builder, *fields):
    """Writes a table.

    Fields are in the schema's order: offsets of written objects, `_byte`, `_uint`, or None.
    """
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


def _uints(builder, values):
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependUint32(value)
    return builder.EndVector()


def _byte(value):
    return number_types.Uint8Flags, value


def _uint(value):
    return number_types.Uint32Flags, value
