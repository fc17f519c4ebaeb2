"""Exports a model: `python -m export.tflite --online --checkpoint=DIR --output=DIR`."""

import os
import pathlib

from absl import flags

from export.tflite.export_settings import (
    CALIBRATED,
    CARD,
    IMAGE_TYPES,
    LOGITS_TYPES,
    VARIANTS,
    ExportSettings,
    check_detector_settings,
    output_paths,
)
from tsm_tf import cli, spec_flags
from tsm_tf.any_spec import read_any_spec
from tsm_tf.data import data_flags
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec
from tsm_tf.weights.presets.table import name_checkpoint

_FRESH_WEIGHTS = (
    "*** NO CHECKPOINT: FRESH WEIGHTS. This file is for timing; it recognises nothing. ***"
)


def define_flags():
    flags.DEFINE_string(
        "checkpoint",
        None,
        "Checkpoint folder, or the folder of a training run; without it, the weights are fresh.",
    )
    flags.DEFINE_string(
        "preset",
        None,
        "Public checkpoint instead of --checkpoint: a name from python -m tsm_tf.weights --list.",
    )
    flags.DEFINE_string("output", None, "Folder to write to.", required=True)
    flags.DEFINE_bool("online", False, "Export one frame at a time with caches, not whole clips.")
    flags.DEFINE_list(
        "variants",
        ["float32"],
        f"Names from {', '.join(VARIANTS)}. dynamic is slower than float32 on x86; weight_only is "
        "as small, and as fast as float32.",
    )
    data_flags.define(
        f"{data_flags.LAYOUTS} Those for training calibrate int8 and edgetpu, those for validation "
        "are compared with Keras. For a detector: annotated videos. Default: rendered gestures, or "
        "shapes.",
        required=False,
    )
    flags.DEFINE_integer(
        "num_videos",
        ExportSettings.num_videos,
        "Number of videos to calibrate on, and to compare on.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "streams",
        ExportSettings.num_streams,
        "Number of streams side by side in an online file, for several cameras.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "frames_per_step",
        ExportSettings.frames_per_step,
        "Number of consecutive frames of each stream per step in an online file, for servers.",
        lower_bound=1,
    )
    flags.DEFINE_bool(
        "batch_axis",
        ExportSettings.batch_axis,
        "Give clip files the input [1, T, S, S, 3] instead of [T, S, S, 3], which GPUs need.",
    )
    flags.DEFINE_enum(
        "image_type", ExportSettings.image_type, IMAGE_TYPES, "Input type of int8 files."
    )
    flags.DEFINE_enum(
        "logits_type", ExportSettings.logits_type, LOGITS_TYPES, "Output type of int8 files."
    )
    flags.DEFINE_bool(
        "float_borders",
        ExportSettings.float_borders,
        "Make the image, the caches and the logits of int8 files float32, as LiteRT.js needs them.",
    )
    flags.DEFINE_string(
        "keep_float",
        None,
        "Regular expression: layers in whose names it is found stay in float32 in quantised files.",
    )
    flags.DEFINE_bool(
        "gpu_friendly",
        ExportSettings.gpu_friendly,
        "Refuse a file unless a GPU runs all of it and computes the same. Needs a GPU driver.",
    )
    flags.DEFINE_bool(
        "unchecked",
        ExportSettings.unchecked,
        "Write files even if they contain operators that are not in the list of safe ones.",
    )
    spec_flags.define(spec_flags.FIELDS, "For fresh weights; a checkpoint has its own spec.")


def main():
    # The converter is TensorFlow's; checkpoints are the same on all backends.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    values = flags.FLAGS

    choices = spec_flags.read(spec_flags.FIELDS)
    checkpoint = None
    if values.checkpoint or values.preset:
        checkpoint = name_checkpoint(values.checkpoint, values.preset)
    if checkpoint and choices:
        rule = f"has its own spec; omit --{', --'.join(choices)}"
        raise InputError("checkpoint", rule, checkpoint)
    variants = tuple(values.variants)
    splits = (("train",) if set(variants) & set(CALIBRATED) else ()) + ("val",)
    is_detector = bool(checkpoint) and _is_detector(checkpoint)
    listing = None
    if values.data:
        listing = _read_annotated(values.data, splits) if is_detector else data_flags.read(*splits)
    settings = ExportSettings(
        online=values.online,
        num_streams=values.streams,
        frames_per_step=values.frames_per_step,
        batch_axis=values.batch_axis,
        image_type=values.image_type,
        logits_type=values.logits_type,
        float_borders=values.float_borders,
        keep_float=values.keep_float,
        gpu_friendly=values.gpu_friendly,
        unchecked=values.unchecked,
        data=listing,
        num_videos=values.num_videos,
    )
    folder = pathlib.Path(values.output)

    if checkpoint and is_detector:
        from tsm_tf.detection.checkpoint import load_detector, load_detector_spec

        check_detector_settings(variants, settings)
        output_paths(load_detector_spec(checkpoint), folder, variants, settings.online)
        model = load_detector(checkpoint)
    elif checkpoint:
        from tsm_tf.weights.checkpoint import load_checkpoint, load_spec
        from tsm_tf.weights.presets.load import resolve_checkpoint

        source = resolve_checkpoint(checkpoint)
        output_paths(load_spec(source), folder, variants, settings.online)
        model = load_checkpoint(source)
    else:
        spec = ModelSpec.from_dict(choices)
        output_paths(spec, folder, variants, settings.online)  # before Keras, which loads slowly
        from tsm_tf.models.clip import build_model

        model = build_model(spec)
        print(_FRESH_WEIGHTS)

    from export.tflite.card import write_card
    from export.tflite.exporter import export_files

    entries, refusals = export_files(model, folder, variants, settings)
    if entries:
        write_card(folder, model.spec, entries)
        print(f"{folder / CARD}.html describes the files and the comparison with Keras")
    if refusals:
        raise refusals[0]


def _is_detector(checkpoint: str) -> bool:
    """Returns whether a folder has the checkpoint of a detector, instead of a classifier's."""
    if not pathlib.Path(checkpoint).is_dir():
        return False
    from tsm_tf.weights.checkpoint import find_checkpoint, read_spec

    return isinstance(read_any_spec(read_spec(find_checkpoint(checkpoint))), DetectorSpec)


def _read_annotated(data, splits):
    """Opens the data of a detector and reads the lists of some splits."""
    from tsm_tf.detection.data.listing import open_detection_data

    listing = open_detection_data(data)
    for split in splits:
        print(f"{len(listing.videos(split))} videos from {split} in {data}", flush=True)
    return listing


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
