"""What to export, and where to: the choices of `python -m export.tflite`, without TensorFlow."""

import dataclasses
import json
import os
import pathlib
import re
from typing import TYPE_CHECKING

from tsm_tf.any_spec import AnySpec, any_spec_from_dict
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.spec_checks import check_takes_clips_alone

if TYPE_CHECKING:
    from tsm_tf.data.listing import Listing
    from tsm_tf.detection.data.listing import DetectionListing

VARIANTS = ("float32", "float16", "weight_only", "dynamic", "int8", "edgetpu")
"""- `float32`: as trained.
- `float16`: weights in half precision.
- `weight_only`: weights of convolutions in 8 bits, activations in float32.
- `dynamic`: weights in 8 bits, activations rounded to 8 bits by each operator. Slower than float32
  on x86; `weight_only` has the same size.
- `int8`: weights and activations in 8 bits, calibrated.
- `edgetpu`: like `int8`, with 8 bits for input and output as well, and without operators that an
  Edge TPU may leave to the CPU.
"""

OF_DETECTORS = ("float32", "float16", "weight_only", "int8")
"""The variants that a detector may have; Edge TPUs cannot select boxes."""

CALIBRATED = ("int8", "edgetpu")
QUANTISED = ("weight_only", "dynamic", *CALIBRATED)
IMAGE_TYPES = ("uint8", "int8")
LOGITS_TYPES = ("float32", "int8")
CARD = "model_card"
"""Name of the model card's files, without suffix; see `export.tflite.card`."""


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """How to convert a model.

    Args:
        online: True for one frame and its caches, False for whole clips.
        num_streams: number of streams side by side in an online file.
        frames_per_step: number of consecutive frames of each stream per step in an online file.
        batch_axis: give clip files the input `[1, T, S, S, C]` instead of `[T, S, S, C]`. GPUs
            accept at most four dimensions.
        image_type: input type of int8 files; Edge TPU files always have int8.
        logits_type: output type of int8 files; Edge TPU files always have int8.
        float_borders: make the image, the caches and the logits of int8 files float32, whatever the
            two types above. LiteRT.js needs that.
        keep_float: a regular expression; layers in whose names it is found stay in float32 in
            quantised files.
        unchecked: write a file even if it contains operators that `export.format.verify` refuses.
            `StreamRunner` then needs `unchecked=True` as well.
        gpu_friendly: refuse a file that a GPU does not run completely and correctly; see
            `export.tflite.gpu_proof`.
        data: videos for calibration (`train`) and for the comparison with Keras (`val`), a
            `Listing` or what it is made of; for a detector, a `DetectionListing`. None calibrates
            on rendered gestures or shapes and compares on drawn patterns.
        num_videos: number of videos for each of the two.

    Raises:
        InputError: a value out of range, or one that clip or online models do not have.
    """

    online: bool
    num_streams: int = 1
    frames_per_step: int = 1
    batch_axis: bool = False
    image_type: str = "uint8"
    logits_type: str = "float32"
    float_borders: bool = False
    keep_float: str | None = None
    gpu_friendly: bool = False
    unchecked: bool = False
    data: "Listing | DetectionListing | str | None" = None
    num_videos: int = 64

    def __post_init__(self):
        for name in ("num_streams", "frames_per_step", "num_videos"):
            if getattr(self, name) < 1:
                raise InputError(name, "must be at least 1", getattr(self, name))

        try:
            re.compile(self.keep_float or "")
        except re.error as error:
            rule = f"must be a regular expression ({error})"
            raise InputError("keep_float", rule, self.keep_float) from None

        for name in ("num_streams", "frames_per_step"):
            if getattr(self, name) > 1 and not self.online:
                rule = "must be 1 for a clip model; larger numbers need --online"
                raise InputError(name, rule, getattr(self, name))
        if self.batch_axis and self.online:
            rule = "must be omitted for an online model, whose first axis is for --streams"
            raise InputError("batch_axis", rule, self.batch_axis)

        for name, known in (("image_type", IMAGE_TYPES), ("logits_type", LOGITS_TYPES)):
            if getattr(self, name) not in known:
                raise InputError(name, f"must be one of {', '.join(known)}", getattr(self, name))


def check_detector_settings(variants: tuple[str, ...], settings: ExportSettings) -> None:
    """Raises an `InputError` about settings that a detector cannot have."""
    if not settings.online:
        raise InputError("online", "must be given: detectors take one frame at a time", False)
    if others := [name for name in variants if name not in OF_DETECTORS]:
        rule = f"must be from {', '.join(OF_DETECTORS)} for a detector"
        raise InputError("variants", rule, ",".join(others))
    for name in ("num_streams", "frames_per_step"):
        if getattr(settings, name) > 1:
            raise InputError(name, "must be 1 for a detector", getattr(settings, name))
    if settings.gpu_friendly:
        rule = "must be omitted for a detector, whose boxes are selected on the CPU"
        raise InputError("gpu_friendly", rule, True)
    if settings.logits_type != ExportSettings.logits_type:
        rule = f"must be {ExportSettings.logits_type} for a detector"
        raise InputError("logits_type", rule, settings.logits_type)


def output_paths(
    spec: AnySpec,
    output: str | os.PathLike,
    variants: tuple[str, ...],
    online: bool,
) -> list[pathlib.Path]:
    """Returns the path of each variant's file. Call it before slow work.

    Raises:
        InputError: an unknown variant, a model that takes boxes or cannot stream, an output that is
            not a folder, or a folder that already holds one of the files or another model's card.
    """
    unknown = set(variants) - set(VARIANTS)
    if unknown or not variants or len(set(variants)) < len(variants):
        rule = f"must be names from {', '.join(VARIANTS)}, each at most once"
        raise InputError("variants", rule, ",".join(variants))

    check_takes_clips_alone(spec.backbone, "be exported")
    if online:
        spec.check_streamable()
    is_detector = isinstance(spec, DetectorSpec)
    if not is_detector and spec.modality != "rgb" and set(CALIBRATED) & set(variants):
        rule = f"must not include calibrated variants ({', '.join(CALIBRATED)}) for {spec.modality}"
        raise InputError("variants", rule, ",".join(variants))

    folder = pathlib.Path(output)
    if os.path.lexists(folder) and not folder.is_dir():  # a file, FIFO, or broken link
        raise InputError("output", "must be a folder", str(folder))

    kind = "online" if online else "clip"
    if is_detector:
        kind = f"{spec.method}_{kind}"
    backbone = spec.backbone.rpartition(":")[2]
    paths = [folder / f"{backbone}_{kind}_{variant}.tflite" for variant in variants]
    for path in paths:
        if path.exists():
            rule = f"must be a folder without {path.name}, which would be lost"
            raise InputError("output", rule, str(folder))

    read_card_files(folder, spec)
    return paths


def read_card_files(folder: pathlib.Path, spec: AnySpec) -> list[dict]:
    """Returns the entries of a folder's model card whose files still exist.

    Raises:
        InputError: the card describes another model, or cannot be read.
    """
    path = folder / f"{CARD}.json"
    if not path.exists():
        return []

    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        is_same = any_spec_from_dict(card["spec"]) == spec
        files = [file for file in card["files"] if (folder / file["file"]).is_file()]
    except (ValueError, TypeError, KeyError) as error:
        rule = f"must have a readable {path.name}, or none ({error})"
        raise InputError("output", rule, str(folder)) from None

    if files and not is_same:
        rule = f"must be a folder whose {path.name} has the same spec, or a folder without one"
        raise InputError("output", rule, str(folder))
    return files
