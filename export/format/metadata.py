"""Reads what a `.tflite` file says about itself, so that a model needs no file beside it.

Three metadata entries belong to this project:

- `TSM_SPEC`: the JSON of `ModelSpec.to_json`, or of `DetectorSpec.to_json`.
- `TSM_STREAM`: `{"variant": "int8", "start": {"shift_00": -3, ...}, "smoothing": {...}}`, where
  `start` holds the value that fills each cache before the first frame, and `smoothing` holds the
  rules that turn logits into the class to show (`SmoothingRules`); detectors have none.
- `TSM_CRC32`: a checksum of the whole file.

Reading needs no interpreter. It also checks that the file is safe to hand to one. The writer is
`export.tflite.draft`.
"""

import dataclasses
import json
import os
import pathlib
import struct
import zlib
from typing import Any

import numpy as np

from export.format.flatbuffer import Damaged
from export.format.reader import Model, parse_model, read_model
from export.format.smoothing_rules import SmoothingRules
from export.format.verify import verify
from tsm_tf.any_spec import AnySpec, read_any_spec
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

BOXES, CLASSES, SCORES, COUNT = DETECTIONS = ("boxes", "classes", "scores", "count")
"""Outputs of a detector, in the order that detectors on devices usually have."""

NAME = "TSM_SPEC"
STREAM_NAME = "TSM_STREAM"
CHECKSUM = "TSM_CRC32"
UNCHECKED = (
    "Load the model even if it contains something that the exporter never writes. It may crash the "
    "process or read its memory: use this only for files that you trust."
)
"""Help text for the flag of commands that load a model."""

_HINT = "If you trust the file, load it with unchecked=True, or --unchecked on the command line"


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a file of this project says about itself.

    Args:
        spec: the model's spec.
        variant: how the model is quantised, one of `export.tflite.VARIANTS`.
        initial_caches: value that fills each cache before the first frame; 0 for caches that are
            not named.
        smoothing: rules that turn the logits into the class to show.
        is_online: whether the model streams frames, instead of taking clips.
        model: the file that was read and checked.
    """

    spec: AnySpec
    variant: str
    initial_caches: dict[str, int]
    smoothing: SmoothingRules
    is_online: bool
    model: Model = dataclasses.field(repr=False, compare=False)

    @property
    def is_detector(self) -> bool:
        """Whether the model finds boxes, instead of classifying frames or clips."""
        return isinstance(self.spec, DetectorSpec)

    @property
    def classifier(self) -> ModelSpec:
        """The spec of a classifier.

        Raises:
            InputError: the model is a detector.
        """
        if isinstance(self.spec, DetectorSpec):
            raise InputError("model", "must be a classifier", f"{self.model.path}, a detector")
        return self.spec

    @property
    def num_streams(self) -> int:
        """Number of streams side by side in an online file.

        A file without caches has as many as images, because its images are independent.
        """
        inputs, _ = self.model.interface()
        caches = [tensor for name, tensor in inputs.items() if name != "image"]
        return (caches or [inputs["image"]])[0].shape[0]

    @property
    def frames_per_step(self) -> int:
        """Number of frames of each stream that an online file takes in one step."""
        inputs, _ = self.model.interface()
        return inputs["image"].shape[0] // self.num_streams


def stream_json(
    variant: str,
    initial_caches: dict[str, int],
    smoothing: SmoothingRules | None,
) -> str:
    """Returns the text of the `TSM_STREAM` entry; detectors have no rules for smoothing."""
    stream = {"variant": variant, "start": initial_caches}
    if smoothing is not None:
        stream["smoothing"] = smoothing.to_json_object()
    return json.dumps(stream, ensure_ascii=False)


def seal(content: bytes) -> bytes:
    """Returns the bytes of a file of this project with the checksum updated.

    Use it after another tool has changed a file of `export.tflite`.
    """
    checksum, at = _checksum(parse_model(content))
    return content[:at] + struct.pack("<I", checksum) + content[at + 4 :]


def read_spec(path: str | os.PathLike, unchecked: bool = False) -> Any:
    """Returns the spec inside a `.tflite` file, a `ModelSpec` or a `DetectorSpec`.

    Checks and raises as `read_contents` does.
    """
    return read_contents(pathlib.Path(path), unchecked).spec


def read_contents(path: pathlib.Path, unchecked: bool = False) -> Contents:
    """Returns what a `.tflite` file says about itself, after checking the whole file.

    Args:
        path: a file of `export.tflite`.
        unchecked: accept a file that `export.format.verify` refuses, because you trust it.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, a damaged one, one that this project did not write, or one
            that contains something that the exporter never writes.
    """
    model = read_model(path)
    text, stored = (model.metadata.get(name) for name in (NAME, CHECKSUM))
    if text is None or stored is None or stored.size != 4:
        rule = "must be a file written by export.tflite, with the model's spec inside"
        raise InputError("model", rule, str(path))

    if stored.tobytes() != struct.pack("<I", _checksum(model)[0]):
        rule = (
            "must be unchanged since export.tflite wrote it; its checksum differs: "
            "this one is damaged, or another tool changed it"
        )
        raise InputError("model", rule, str(path))

    try:
        if not unchecked:
            verify(model)
        spec = read_any_spec(text.tobytes().decode())
    except Damaged as error:
        rule = f"must be safe to run; this one has {error}. {_HINT}"
        raise InputError("model", rule, str(path)) from None
    except (ValueError, TypeError, RecursionError) as error:
        rule = f"must hold a spec that this version knows ({error})"
        raise InputError("model", rule, str(path)) from None

    stream = _stream(model, path)
    return Contents(
        spec=spec,
        variant=stream.get("variant", "float32"),
        initial_caches=_initial_caches(stream, path),
        smoothing=_smoothing(stream, path),
        is_online=_is_online(model),
        model=model,
    )


def _checksum(model: Model) -> tuple[int, int]:
    """Returns a file's CRC-32, computed with zeros where it stores its own, and that place."""
    at = model.metadata[CHECKSUM].ctypes.data - np.frombuffer(model.data, np.uint8).ctypes.data
    data = memoryview(model.data)
    return zlib.crc32(data[at + 4 :], zlib.crc32(bytes(4), zlib.crc32(data[:at]))), at


def _is_online(model):
    """Returns whether each image has its own results; those of a clip share them."""
    inputs, outputs = model.interface()
    if "image" in inputs and set(DETECTIONS) <= outputs.keys():
        return len(inputs["image"].shape) == 4
    if "image" not in inputs or "logits" not in outputs:
        return False
    image, logits = inputs["image"].shape, outputs["logits"].shape
    return len(image) == 4 and image[:1] == logits[:1]


def _stream(model, path):
    text = model.metadata.get(STREAM_NAME)
    if text is None:  # the first version wrote float32 files without this entry
        return {}

    try:
        stream = json.loads(text.tobytes())
    except (ValueError, RecursionError) as error:
        raise InputError("model", f"must hold JSON in {STREAM_NAME} ({error})", str(path)) from None
    if not isinstance(stream, dict):
        raise InputError("model", f"must hold a JSON object in {STREAM_NAME}", str(path))
    return stream


def _initial_caches(stream, path):
    values = stream.get("start", {})
    if not isinstance(values, dict) or not all(
        type(value) is int and -128 <= value <= 127 for value in values.values()
    ):
        rule = f"must have integers from -128 to 127 as start values in {STREAM_NAME}"
        raise InputError("model", rule, str(path))
    return values


def _smoothing(stream, path):
    try:
        return SmoothingRules.from_json_object(stream.get("smoothing", {}))
    except InputError as error:
        rule = f"must have valid smoothing rules in {STREAM_NAME} ({error})"
        raise InputError("model", rule, str(path)) from None
