"""Renders gesture videos: `python -m tsm_tf.data.synthetic --output=data/gestures`."""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.data.synthetic.render import CONTACT_SHEET, render


def define_flags():
    flags.DEFINE_string("output", None, "Folder for the videos and lists.", required=True)
    flags.DEFINE_integer("num_train", 1440, "Number of training videos.", lower_bound=1)
    flags.DEFINE_integer("num_val", 360, "Number of validation videos.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "The source of all random choices.", lower_bound=0)
    flags.DEFINE_integer(
        "workers",
        0,
        "Number of processes; 0 starts one per processor.",
        lower_bound=0,
    )


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    counts = {"train": values.num_train, "val": values.num_val}

    render(output, counts, values.seed, values.workers)

    print(
        f"written to {output}: train.txt, val.txt, labels.txt. "
        f"For an overview, open {output / CONTACT_SHEET}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
