"""Converts Keras models to TFLite files, and checks every file before it is written.

    python -m export.tflite --online --checkpoint=DIR --output=DIR

An online file maps `image` (`[1, S, S, 3]`, RGB 0..255) and the caches `shift_00`, ... to `logits`
and the new caches, which have the same names (paper, section 4.2). A clip file maps `image`
`[T, S, S, 3]` to `logits` `[1, num_classes]`. The online file of a detector gives, instead of
logits, `boxes` `[1, N, 4]` (ymin, xmin, ymax, xmax in 0..1), `classes` `[1, N]`, `scores` `[1, N]`
and `count` `[1]`. The spec, with labels and preprocessing, is inside the file.

An export runs through these modules: `convert` (Keras to the bytes of a file), `draft` (edits and
metadata), `export.parity` (comparison with Keras), and `card` (the report). `exporter` calls them.
"""

import os
import pathlib
from typing import TYPE_CHECKING

from export.tflite.export_settings import (
    CALIBRATED,
    IMAGE_TYPES,
    LOGITS_TYPES,
    VARIANTS,
    ExportSettings,
)
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    import keras

    from tsm_tf.data.listing import Listing
    from tsm_tf.detection.data.listing import DetectionListing

__all__ = [
    "CALIBRATED",
    "IMAGE_TYPES",
    "LOGITS_TYPES",
    "VARIANTS",
    "ExportSettings",
    "export_model",
]


def export_model(
    model: "keras.Model",
    output: str | os.PathLike,
    online: bool,
    variants: tuple[str, ...] = ("float32",),
    *,
    num_streams: int = ExportSettings.num_streams,
    frames_per_step: int = ExportSettings.frames_per_step,
    batch_axis: bool = ExportSettings.batch_axis,
    image_type: str = ExportSettings.image_type,
    logits_type: str = ExportSettings.logits_type,
    float_borders: bool = ExportSettings.float_borders,
    keep_float: str | None = ExportSettings.keep_float,
    gpu_friendly: bool = ExportSettings.gpu_friendly,
    unchecked: bool = ExportSettings.unchecked,
    data: "Listing | DetectionListing | str | None" = ExportSettings.data,
    num_videos: int = ExportSettings.num_videos,
) -> list[pathlib.Path]:
    """Converts a clip model or a detector, compares the files with Keras, and writes them.

    Args:
        model: a model of `build_model` or `load_checkpoint`, or of `build_detector` or
            `load_detector`.
        output: folder for `<backbone>_online_<variant>.tflite` or
            `<backbone>_clip_<variant>.tflite`.
        online: True for one frame and its caches, False for whole clips.
        variants: names from `VARIANTS`.
        num_streams: see `ExportSettings`, also for the arguments below.
        frames_per_step: number of consecutive frames per step in an online file.
        batch_axis: give clip files an axis for the batch.
        image_type: input type of int8 files.
        logits_type: output type of int8 files.
        float_borders: make all inputs and outputs of int8 files float32.
        keep_float: layers that stay in float32 in quantised files.
        gpu_friendly: reject files that a GPU does not run completely and correctly.
        unchecked: write files even if they contain operators that `export.format` refuses.
        data: videos to calibrate and compare on, a `Listing` or what it is made of; for a detector
            a `DetectionListing`.
        num_videos: number of videos from it.

    Returns:
        The files' paths, in the order of `variants`.

    Raises:
        InputError: the model takes boxes or cannot stream, a file exists already, the logits of a
            float32 file differ by more than 1e-4, the caches of a calibrated file cannot be fed
            back exactly, tflite-runtime 2.14.0 lacks an operator, or Keras does not run on
            TensorFlow. If only some variants are refused, the files of the others are written.
    """
    import keras  # here, so that `python -m export.tflite` can choose the backend first

    if keras.backend.backend() != "tensorflow":
        rule = (
            "must be tensorflow to export; save a checkpoint and run python -m export.tflite, "
            "which sets it"
        )
        raise InputError("KERAS_BACKEND", rule, keras.backend.backend())
    from export.tflite.exporter import export_files

    settings = ExportSettings(
        online=online,
        num_streams=num_streams,
        frames_per_step=frames_per_step,
        batch_axis=batch_axis,
        image_type=image_type,
        logits_type=logits_type,
        float_borders=float_borders,
        keep_float=keep_float,
        gpu_friendly=gpu_friendly,
        unchecked=unchecked,
        data=data,
        num_videos=num_videos,
    )
    entries, refusals = export_files(model, output, variants, settings)
    if refusals:
        raise refusals[0]
    paths = {entry.variant: entry.path for entry in entries}
    return [paths[variant] for variant in variants]
