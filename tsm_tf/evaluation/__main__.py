"""Scores a checkpoint: `python -m tsm_tf.evaluation --checkpoint=DIR --data=DIR`."""

import pathlib

from absl import flags

from tsm_tf import cli, execution_flags, spec_flags
from tsm_tf.data import data_flags
from tsm_tf.errors import InputError
from tsm_tf.evaluation import protocol_flags
from tsm_tf.weights.presets.table import PREFIX, name_checkpoint

_SPEC_FIELDS = ("sampling_rate",)


def define_flags():
    flags.DEFINE_string(
        "checkpoint",
        None,
        "Checkpoint folder, folder of a training run, or preset:NAME.",
    )
    flags.DEFINE_string(
        "preset",
        None,
        "Public checkpoint instead of --checkpoint: a name from python -m tsm_tf.weights --list.",
    )
    data_flags.define()
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the results. Default: evaluation/<split> in --checkpoint; a preset has none.",
    )
    flags.DEFINE_string(
        "split", "val", "Which videos to use: train, val, test, or the name of a list file."
    )
    protocol_flags.define()
    flags.DEFINE_integer("batch_size", 16, "Clips per batch.", lower_bound=1)
    flags.DEFINE_integer(
        "worst",
        0,
        "Mistakes in a contact sheet of the most confident ones, worst.png. 0 writes none.",
        lower_bound=0,
        upper_bound=500,
    )
    execution_flags.define()
    spec_flags.define(_SPEC_FIELDS, "Default: the checkpoint's.")


def main():
    values = flags.FLAGS
    checkpoint = name_checkpoint(values.checkpoint, values.preset)
    if checkpoint.startswith(PREFIX) and not values.output:
        raise InputError("output", "must be a folder for the results of a preset", values.output)
    protocol = protocol_flags.read()
    listing = data_flags.read(values.split)

    from tsm_tf.evaluation.evaluate import evaluate

    output = values.output or pathlib.Path(checkpoint) / "evaluation" / values.split
    try:
        metrics = evaluate(
            checkpoint,
            listing,
            output,
            values.split,
            protocol,
            values.batch_size,
            strategy=values.strategy,
            mixed_precision=values.mixed_precision,
            worst=values.worst,
            **spec_flags.read(_SPEC_FIELDS),
        )
    except KeyboardInterrupt:
        print("\ninterrupted; run the same command again to resume")
        raise

    shown = "average_precision" if "mAP" in metrics else "recall"
    for row in metrics["per_class"]:
        share = "   -  " if row[shown] is None else f"{row[shown]:6.1%}"
        print(f"{share}  {row['class']} ({row['videos']} videos)")
    print(f"{_summary(metrics)} on {metrics['videos']} videos; written to {output}")


def _summary(metrics):
    if "mAP" in metrics:
        return f"mAP {metrics['mAP']:.1%}"
    accuracies = f"top-1 {metrics['top1']:.1%}, top-5 {metrics['top5']:.1%}"
    return f"{accuracies}, mean class accuracy {metrics['mean_class_accuracy']:.1%}"


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
