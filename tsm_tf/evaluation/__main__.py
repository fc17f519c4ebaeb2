"""Scores a checkpoint: `python -m tsm_tf.evaluation --checkpoint=DIR --data=DIR --output=DIR`."""

import pathlib

from absl import flags

from tsm_tf import cli


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string(
        "checkpoint", None, "Checkpoint folder, or a training run's.", required=True
    )
    flags.DEFINE_string("data", None, "Folder with the list file and labels.txt.", required=True)
    flags.DEFINE_string(
        "output", None, "Folder for the results; default: evaluation/<split> in --checkpoint."
    )
    flags.DEFINE_string("split", "val", "Which list file, without .txt.")
    flags.DEFINE_integer("batch_size", 16, "Clips at a time.", lower_bound=1)


def main():
    """Evaluates and prints."""
    values = flags.FLAGS
    from tsm_tf.evaluation.report import evaluate

    output = values.output or pathlib.Path(values.checkpoint) / "evaluation" / values.split
    metrics = evaluate(values.checkpoint, values.data, output, values.split, values.batch_size)
    for row in metrics["per_class"]:
        recall = "   -  " if row["recall"] is None else f"{row['recall']:6.1%}"
        print(f"{recall}  {row['class']} ({row['videos']} videos)")
    print(
        f"top-1 {metrics['top1']:.1%}, top-5 {metrics['top5']:.1%} of {metrics['videos']} videos; written to {output}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
