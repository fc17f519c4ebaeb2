"""Checks whether an Edge TPU can run a file: `python -m export.edgetpu --model=FILE`.

Exit code 0: every operator is mapped. 1: not.
"""

import pathlib
import sys

from absl import flags

from export.edgetpu.report import COMPILER, check, compile_model
from tsm_tf import cli


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("model", None, "A .tflite file.", required=True)
    flags.DEFINE_string(
        "output",
        None,
        f"Folder for what {COMPILER} writes, if it is on PATH; default: the model's.",
    )


def main():
    """Checks, prints, compiles where it can."""
    path = pathlib.Path(flags.FLAGS.model)
    report = check(path)
    print(report)
    compiled = compile_model(path, pathlib.Path(flags.FLAGS.output or path.parent))
    print(
        f"written to {compiled}"
        if compiled
        else f"{COMPILER} is not on PATH: this is what its documentation says"
    )
    sys.exit(0 if report.is_mapped else 1)


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
