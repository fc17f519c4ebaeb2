"""Renders gesture videos: `python -m tsm_tf.data.synthetic --output=data/gestures`."""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.data.synthetic.render import render


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("output", None, "Folder to render into.", required=True)
    flags.DEFINE_integer("num_train", 1440, "Training videos.", lower_bound=1)
    flags.DEFINE_integer("num_val", 360, "Validation videos.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Everything random follows from it.", lower_bound=0)
    flags.DEFINE_integer("workers", 0, "Processes; 0 takes one a processor.", lower_bound=0)


def main():
    """Renders."""
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    render(output, {"train": values.num_train, "val": values.num_val}, values.seed, values.workers)
    print(
        f"written to {output}: train.txt, val.txt, labels.txt; to look at: {output / 'contact_sheet.png'}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
