"""Scores a checkpoint: `python -m tsm_tf.evaluation --checkpoint=DIR --data=DIR`."""

import pathlib

from absl import flags

from tsm_tf import cli, spec_flags
from tsm_tf.data import data_flags
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS

_SPEC_FIELDS = ("sampling_rate",)


def define_flags():
    flags.DEFINE_string(
        "checkpoint",
        None,
        "Checkpoint folder, or folder of a training run.",
        required=True,
    )
    data_flags.define()
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the results. Default: evaluation/<split> in --checkpoint.",
    )
    flags.DEFINE_string(
        "split", "val", "Which videos to use: train, val, test, or the name of a list file."
    )
    flags.DEFINE_enum(
        "protocol",
        EFFICIENT.name,
        list(PROTOCOLS),
        "Clips and crops per video. efficient: one clip, centre crop.",
    )
    flags.DEFINE_integer("batch_size", 16, "Clips per batch.", lower_bound=1)
    spec_flags.define(_SPEC_FIELDS, "Default: the checkpoint's.")


def main():
    values = flags.FLAGS
    listing = data_flags.read(values.split)

    from tsm_tf.evaluation.evaluate import evaluate

    output = values.output or pathlib.Path(values.checkpoint) / "evaluation" / values.split
    metrics = evaluate(
        values.checkpoint,
        listing,
        output,
        values.split,
        PROTOCOLS[values.protocol],
        values.batch_size,
        **spec_flags.read(_SPEC_FIELDS),
    )

    for row in metrics["per_class"]:
        recall = "   -  " if row["recall"] is None else f"{row['recall']:6.1%}"
        print(f"{recall}  {row['class']} ({row['videos']} videos)")
    print(
        f"top-1 {metrics['top1']:.1%}, top-5 {metrics['top5']:.1%} on {metrics['videos']} videos;"
        f" written to {output}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
