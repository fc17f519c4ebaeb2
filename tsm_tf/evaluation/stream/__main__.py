"""Evaluates a model in continuous streams.

    python -m tsm_tf.evaluation.stream --checkpoint=DIR --data=DIR --output=DIR

The videos of a split are joined into long streams, with pauses in which nothing happens, and the
model sees them one frame at a time. An event decoder turns its logits into events, each gesture
once. Its rules are fitted on one half of the videos, and saved with the checkpoint; the figures are
those of the other half. With `--model=FILE.tflite`, the rules in the file are used.
"""

import json
import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.timeline import timelines
from tsm_tf.errors import InputError
from tsm_tf.files import write_text
from tsm_tf.spec import ModelSpec
from tsm_tf.weights.presets.table import PREFIX


def define_flags():
    flags.DEFINE_string("checkpoint", None, "Checkpoint folder, or folder of a training run.")
    flags.DEFINE_string("model", None, "A .tflite file, instead of a checkpoint.")
    data_flags.define()
    flags.DEFINE_string("output", None, "Folder for the results.", required=True)
    flags.DEFINE_string("split", "val", "Which list file to use.")
    flags.DEFINE_float("background_minutes", 30.0, "Minutes of pauses, in each half of the split.")
    flags.DEFINE_float("false_alarms_per_hour", 6.0, "How many the event rules may allow.")
    flags.DEFINE_integer("seed", 0, "Seed for the halves, the order and the pauses.")
    flags.DEFINE_string("runtime", "auto", "What runs --model; see export.parity.")


def main():
    values = flags.FLAGS
    if (values.checkpoint is None) == (values.model is None):
        rule = "must be given, or else model; one of the two"
        raise InputError("checkpoint", rule, values.checkpoint)
    if values.checkpoint and values.checkpoint.startswith(PREFIX):
        rule = (
            "must be a folder, because the event rules are written to it; see the --preset and "
            "--output flags of `python -m tsm_tf.weights`"
        )
        raise InputError("checkpoint", rule, values.checkpoint)
    listing = data_flags.read(values.split)
    timelines(listing.labelled_videos(values.split))  # reports bad lists first

    from tsm_tf.evaluation.stream.evaluate import Settings, evaluate_streams, summary

    settings = Settings(
        split=values.split,
        background_minutes=values.background_minutes,
        false_alarms_per_hour=values.false_alarms_per_hour,
        seed=values.seed,
    )
    if values.model:
        model, subject = _tflite_model(values.model, values.runtime), {"model": values.model}
    else:
        model, subject = _checkpoint_model(values.checkpoint), {"checkpoint": values.checkpoint}

    figures, rules = evaluate_streams(model, listing, values.output, subject, settings)
    print(summary(figures))
    if values.checkpoint:
        path = _save_rules(values.checkpoint, model.spec.replace(events=rules))
        print(f"the event rules are in {path}")
    print(f"written to {values.output}: stream.json, events.csv, timeline.png")


def _checkpoint_model(checkpoint):
    from tsm_tf.evaluation.stream.evaluate import Model
    from tsm_tf.models.frame_step import keras_step
    from tsm_tf.weights.checkpoint import load_checkpoint

    model = load_checkpoint(checkpoint)
    model.spec.check_streamable()
    return Model(
        spec=model.spec,
        make_step=lambda num_streams: keras_step(model, num_streams),
        side_by_side=16,
        fits_rules=True,
    )


def _tflite_model(path, runtime):
    from export.runtime import StreamRunner
    from tsm_tf.evaluation.stream.evaluate import Model

    runner = StreamRunner(path, runtime=runtime)
    runner.check_classifier()
    if len(runner.shape) != 3:
        rule = "must take one frame of one stream per step"
        raise InputError("model", rule, f"frames of the shape {runner.shape}")

    def make_step(_):
        runner.reset()
        return lambda frames: runner.step(frames[0])[None]

    return Model(spec=runner.spec, make_step=make_step, side_by_side=1, fits_rules=False)


def _save_rules(checkpoint: str, spec: ModelSpec) -> pathlib.Path:
    """Writes the spec with its event rules beside the weights."""
    from tsm_tf.weights.checkpoint import SPEC_FILE, find_checkpoint

    path = find_checkpoint(checkpoint) / SPEC_FILE
    values = {**json.loads(path.read_text(encoding="utf-8")), **json.loads(spec.to_json())}
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False))
    return path


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
