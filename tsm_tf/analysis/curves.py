"""Compares trainings: top-1 on the validation videos over the training time.

python -m tsm_tf.analysis.curves --runs=runs/tsm,runs/tsn --output=curves
"""

import csv
import itertools
import pathlib
from collections.abc import Mapping, Sequence

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing
from tsm_tf.training.run_folder.curves import LOG_FILE

_METRIC = "val_accuracy"

Run = Sequence[tuple[float, float]]
"""Seconds since the start, and top-1, after each epoch."""


def read_run(folder: pathlib.Path) -> Run:
    """Returns the curve of a training.

    Raises:
        MissingFile: the folder is not that of a training.
        InputError: the training has not finished an epoch, or logs no top-1.
    """
    path = folder / LOG_FILE
    if not path.is_file():
        raise MissingFile("runs", f"must be folders of trainings, with {LOG_FILE}", str(folder))

    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise InputError("runs", "must have finished an epoch", str(folder))
    if _METRIC not in rows[0]:
        rule = f"must be trainings on videos with one class each, whose {LOG_FILE} has {_METRIC}"
        raise InputError("runs", rule, str(folder))

    seconds = itertools.accumulate(float(row["seconds"]) for row in rows)
    return [(time, float(row[_METRIC])) for time, row in zip(seconds, rows, strict=True)]


def best_within(run: Run, seconds: float) -> float:
    """Returns the best top-1 of the epochs that ended within a time; 0 if none did."""
    return max((top1 for time, top1 in run if time <= seconds), default=0.0)


def plot(runs: Mapping[str, Run], path: pathlib.Path) -> None:
    """Draws top-1 over seconds as a PNG, one line per run."""
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, run in runs.items():
        axes.plot(*zip(*run, strict=True), marker=".", label=plot_text(name))
    axes.set(xlabel="seconds of training", ylabel="top-1 on val", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def define_flags():
    flags.DEFINE_list("runs", None, "Folders of trainings.", required=True)
    flags.DEFINE_string("output", None, "Folder for curves.png.", required=True)


def main():
    values = flags.FLAGS
    runs = {name: read_run(pathlib.Path(name)) for name in values.runs}
    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)

    shortest = min(run[-1][0] for run in runs.values())
    for name, run in runs.items():
        early = best_within(run, shortest)
        best = best_within(run, run[-1][0])
        print(f"{early:6.1%} after {shortest:.0f} s, {best:6.1%} in all  {name}")

    plot(runs, output / "curves.png")
    print(f"written to {output}: curves.png")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
