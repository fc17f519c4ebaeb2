"""Compares online TSM with R-FCN on single frames, in one command, from videos to a stream.

    python -m export.demo.detection --output=runs/demo_detection [--fgfa]

It renders videos in which the class of an object must be remembered, trains the detectors,
evaluates them by motion, streams an unseen video through the exported file, and writes a page. Each
step is a command, which is printed before it runs and shown on the page. Its output is also written
to `logs/`. To resume an interrupted demo, run the same command again. It continues with the
interrupted step.
"""

import pathlib

from absl import flags

from export.demo.detection.steps import FULL, QUICK, TSM, model_path, plan
from export.demo.run_steps import check_output, run_or_exit
from tsm_tf import cli


def define_flags():
    flags.DEFINE_string(
        "output",
        "runs/demo_detection",
        "Folder for everything; an interrupted demo is resumed.",
    )
    flags.DEFINE_bool("fgfa", False, "Also trains and evaluates FGFA, which needs optical flow.")
    flags.DEFINE_bool("quick", False, "One epoch on 12 videos, to check that every step runs.")
    flags.DEFINE_integer("seed", 0, "Seed of the trainings.", lower_bound=0)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    check_output(output)
    steps = plan(output, QUICK if values.quick else FULL, values.fgfa, values.seed)
    run_or_exit(steps, output)

    from export.demo.detection.page import NAMES, write_page
    from export.format.metadata import read_spec

    precisions = write_page(output, read_spec(model_path(output, TSM)), steps, values.fgfa)
    for name, by_motion in precisions.items():
        shares = [
            f"{group} {'-' if by_motion[group] is None else f'{by_motion[group]:.1%}'}"
            for group in ("all", "slow", "medium", "fast")
        ]
        print(f"{NAMES[name]}: mAP {', '.join(shares)}")
    print(f"open {output / 'index.html'}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
