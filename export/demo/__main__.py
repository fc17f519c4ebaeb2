"""Runs everything in one command: videos, training, evaluation, export, a stream, a page.

    python -m export.demo --output=runs/demo [--data=DIR]

Each step is a command. It is printed before it runs and shown on the page, and its output is also
written to `logs/`. To resume an interrupted demo, run the same command again. It continues with the
interrupted step.
"""

import dataclasses
import pathlib

from absl import flags

from export.demo.run_steps import check_output, run_or_exit
from export.demo.steps import FULL, MODES, QUICK, model_path, plan
from tsm_tf import cli
from tsm_tf.data import data_flags


def define_flags():
    flags.DEFINE_string(
        "output",
        "runs/demo",
        "Folder for everything; an interrupted demo is resumed.",
    )
    data_flags.define(f"{data_flags.LAYOUTS} Default: rendered gestures.", required=False)
    flags.DEFINE_integer(
        "epochs",
        None,
        "Number of training epochs on streams of both networks; default: the recipe's for the "
        "TSM, and fewer for the TSN.",
        lower_bound=1,
    )
    flags.DEFINE_integer(
        "num_train",
        FULL.num_train,
        "Rendered training videos.",
        lower_bound=9,
    )
    flags.DEFINE_integer("num_val", FULL.num_val, "Rendered validation videos.", lower_bound=9)
    flags.DEFINE_bool("quick", False, "One epoch on 18 videos, to check that every step runs.")


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    check_output(output)
    data = pathlib.Path(values.data) if values.data else None
    if data:
        data_flags.read("train", "val")  # raises if a list or a video is missing

    size = QUICK if values.quick else _size(values)
    steps = plan(output, data, size, data_flags.given()[1:])
    run_or_exit(steps, output)

    from export.demo.page import write_page
    from export.format.metadata import read_spec

    figures = write_page(output, read_spec(model_path(output, "tsm")), steps)
    for name, shares in figures.items():
        print(f"{name.upper()}: top-1 {shares['top1']:.1%}, event F1 {shares['event_f1']:.1%}")
    print(f"open {output / 'index.html'}")


def _size(values):
    training = FULL.training
    if values.epochs:
        training = dict.fromkeys(MODES, (f"--epochs={values.epochs}",))
    return dataclasses.replace(
        FULL,
        num_train=values.num_train,
        num_val=values.num_val,
        training=training,
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
