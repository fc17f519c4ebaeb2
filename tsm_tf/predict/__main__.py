"""Predicts the classes of videos.

    python -m tsm_tf.predict --preset=tsm_r50_8f_kinetics400 --video=my.mp4
    python -m tsm_tf.predict --checkpoint=runs/mine --video=FOLDER --output=predictions
    python -m tsm_tf.predict --model=FILE.tflite --video=LIST.txt --output=predictions --format=json

The most probable classes of each video are printed. With --output, they are also written as CSV or
JSON, and each video with its classes below the pictures as MP4. To resume an interrupted run, run
the same command again.
"""

import hashlib
import os
import pathlib

import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.evaluation import protocol_flags
from tsm_tf.evaluation.protocols import EFFICIENT, warn_of_mirror_images
from tsm_tf.predict.results import FORMATS, STREAM, Results, check_output
from tsm_tf.weights.presets.table import PREFIX, find_preset

_TOP_K = 5


def define_flags():
    flags.DEFINE_string("checkpoint", None, "Checkpoint folder, or folder of a training run.")
    flags.DEFINE_string(
        "preset",
        None,
        "Public checkpoint: a name from python -m tsm_tf.weights --list.",
    )
    flags.DEFINE_string("model", None, "A .tflite file of export.tflite, of clips or online.")
    flags.DEFINE_string(
        "video",
        None,
        "A video; a folder of videos, also inside other folders, or of the images of videos; or a "
        "list of videos (.txt, .csv or .json).",
        required=True,
    )
    flags.DEFINE_string("output", None, "Folder for the predictions and the annotated videos.")
    flags.DEFINE_enum(
        "format",
        None,
        list(FORMATS),
        "Format of the predictions in --output. Default: csv.",
    )
    flags.DEFINE_bool("annotate", True, "With --output, also write each video with its classes.")
    flags.DEFINE_integer(
        "topk",
        None,
        f"Number of classes per video. Default: {_TOP_K}. A model for several classes per video "
        "gives all that reach their thresholds.",
        lower_bound=1,
    )
    flags.DEFINE_bool(
        "stream",
        False,
        "Show an online model all frames at its rate, one at a time, as a device does. An online "
        ".tflite file always runs like this.",
    )
    protocol_flags.define()
    flags.DEFINE_integer(
        "batch_size",
        16,
        "Clips per batch; a .tflite file gets one at a time.",
        lower_bound=1,
    )


def main():
    values = flags.FLAGS
    name = _name_model(values.checkpoint, values.preset, values.model)
    protocol = protocol_flags.read()
    _check_flags(values, protocol)

    # Imported here, so that a missing package is reported in one line.
    from tsm_tf.predict.inputs import find_videos
    from tsm_tf.predict.run import Run

    inputs = find_videos(values.video)
    folder = pathlib.Path(values.output) if values.output else None
    subject = {"model": name, "video": values.video, "topk": values.topk}
    if not values.model:
        subject["protocol"] = STREAM if values.stream else protocol.name
    check_output(folder, subject)
    print(f"{len(inputs.videos):,} videos" if len(inputs.videos) > 1 else "1 video", flush=True)

    load = _load_tflite if values.model else _load_checkpoint
    views = None if values.stream else protocol
    predictor, source, digest = load(name, inputs, views, values.batch_size)
    if values.topk and predictor.spec.multi_label:
        rule = "must not be given for a model with several classes per video"
        raise InputError("topk", rule, values.topk)
    warn_of_mirror_images(protocol, predictor.spec.labels or ())

    subject |= {"protocol": predictor.protocol_name, "digest": digest}
    title = pathlib.Path(name.removeprefix(PREFIX)).name
    with Results(folder, subject, values.format or FORMATS[0]) as results:
        run = Run(predictor, results, values.topk or _TOP_K, values.annotate, title)
        run.predict(inputs, source)
    if folder:
        annotated = " and an MP4 per video" if values.annotate else ""
        print(f"written to {folder}: {results.path.name}{annotated}")


def _name_model(checkpoint: str | None, preset: str | None, model: str | None) -> str:
    """Returns the model that the flags give: a folder, `preset:NAME`, or a file."""
    given = [value for value in (checkpoint, preset, model) if value]
    if len(given) != 1:
        rule = "must be given, or --preset or --model, and only one of them"
        raise InputError("checkpoint", rule, given)
    return f"{PREFIX}{find_preset(preset).name}" if preset else given[0]


def _check_flags(values, protocol):
    if values.format and not values.output:
        raise InputError("format", "must be given with --output", values.format)
    if not values.annotate and not values.output:
        raise InputError("annotate", "must be given with --output", values.annotate)
    if values.stream and values.model:
        rule = "must be given for a checkpoint; a .tflite file is either for clips or online"
        raise InputError("stream", rule, values.stream)
    if values.stream and protocol != EFFICIENT:
        raise InputError("protocol", "must not be given with --stream", protocol.name)


def _load_checkpoint(checkpoint, inputs, protocol, batch_size):
    from tsm_tf.evaluation.evaluate import checkpoint_digest
    from tsm_tf.predict.keras_models import load_predictor
    from tsm_tf.weights.checkpoint import load_spec
    from tsm_tf.weights.presets.load import resolve_checkpoint

    folder = resolve_checkpoint(checkpoint)
    source = inputs.source(load_spec(folder).modality)  # reports bad input before Keras builds
    return load_predictor(folder, protocol, batch_size), source, checkpoint_digest(folder)


def _load_tflite(path, inputs, protocol, _batch_size):
    from export.runtime import StreamRunner, load_runner
    from tsm_tf.predict.predictors import ClipPredictor, StreamPredictor

    runner = load_runner(path, os.cpu_count() or 1)
    if isinstance(runner, StreamRunner):
        runner.check_classifier()
    source = inputs.source(runner.spec.modality)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    if not isinstance(runner, StreamRunner):
        _check_views(protocol, runner.spec)
        return (
            ClipPredictor(runner.spec, lambda clips: _each(runner, clips), protocol),
            source,
            digest,
        )

    if protocol != EFFICIENT:
        rule = "must not be given for an online file, which sees all frames"
        raise InputError("protocol", rule, protocol.name)
    if len(runner.shape) != 3:
        rule = "must take one frame of one stream per step"
        raise InputError("model", rule, f"frames of the shape {runner.shape}")

    def start():
        runner.reset()
        return runner.step

    return StreamPredictor(runner.spec, start), source, digest


def _check_views(protocol, spec):
    if protocol.views.sized(spec).input_size != spec.input_size:
        rule = f"must be false for a .tflite file that takes frames of {spec.input_size} pixels"
        raise InputError("full_resolution", rule, True)


def _each(runner, clips):
    return np.stack([runner(clip) for clip in clips])


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
