"""Renders videos with boxes: `python -m tsm_tf.detection.data.synthetic --output=data/shapes`.

The folder has the layout of ImageNet VID. Blur, glare and poles often hide what an object is, so a
detector with memory finds more of them than one that looks at single frames.
"""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.detection.data.synthetic.pictures import CONTACT_SHEET
from tsm_tf.detection.data.synthetic.render import render


def define_flags():
    flags.DEFINE_string("output", None, "Folder for the videos and lists.", required=True)
    flags.DEFINE_integer("num_train", 400, "Number of training videos.", lower_bound=1)
    flags.DEFINE_integer("num_val", 60, "Number of validation videos.", lower_bound=1)
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
        f"written to {output}: Data, Annotations, ImageSets, labels.txt. "
        f"For an overview, open {output / CONTACT_SHEET}"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
