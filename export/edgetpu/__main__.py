"""Checks whether an Edge TPU can run a file: `python -m export.edgetpu --model=FILE`.

The exit code is 0 if every operator is mapped, else 1. Where Coral's compiler is installed, it runs
as well and writes `FILE_edgetpu.tflite`.
"""

import pathlib
import sys

from absl import flags

from export.edgetpu.compiler import COMPILER, compile_model
from export.edgetpu.report import check
from tsm_tf import cli


def define_flags():
    flags.DEFINE_string("model", None, "A .tflite file.", required=True)
    flags.DEFINE_string(
        "output",
        None,
        f"Folder for the output of {COMPILER}, if it is on PATH; default: the model's folder.",
    )


def main():
    path = pathlib.Path(flags.FLAGS.model)
    report = check(path)
    print(report)

    compiled = compile_model(path, pathlib.Path(flags.FLAGS.output or path.parent))
    if compiled:
        print(f"written to {compiled}")
    else:
        print(f"{COMPILER} is not on PATH; this report is based on its documentation")
    sys.exit(0 if report.is_mapped else 1)


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
