"""Trainings side by side: top-1 on the validation videos over the time that each took.

python -m tsm_tf.analysis.curves --runs=runs/tsm,runs/tsn --output=curves
"""

import csv
import itertools
import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.training.run_folder.curves import LOG_FILE


def read_run(folder: pathlib.Path) -> list[tuple[float, float]]:
    """Returns the seconds since the start and the top-1 on val, after each epoch of a run.

    Raises:
        InputError: no training's folder, or none that has finished an epoch.
    """
    path = folder / LOG_FILE
    if not path.is_file():
        raise InputError("runs", f"must be folders of trainings, with {LOG_FILE}", str(folder))
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise InputError("runs", "must have finished an epoch", str(folder))
    seconds = itertools.accumulate(float(row["seconds"]) for row in rows)
    return [(time, float(row["val_accuracy"])) for time, row in zip(seconds, rows, strict=True)]


def best_within(run: list[tuple[float, float]], seconds: float) -> float:
    """Returns the best top-1 that a run had after so many seconds; 0 before its first epoch's end."""
    return max((top1 for time, top1 in run if time <= seconds), default=0.0)


def plot(runs: dict[str, list[tuple[float, float]]], path: pathlib.Path) -> None:
    """Draws top-1 over seconds, one line a run, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, run in runs.items():
        axes.plot(*zip(*run, strict=True), marker=".", label=name)
    axes.set(xlabel="seconds of training", ylabel="top-1 on val", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_list("runs", None, "Folders of trainings.", required=True)
    flags.DEFINE_string("output", None, "Folder for curves.png.", required=True)


def main():
    """Prints each run's top-1 after the time of the quickest, and draws all."""
    values = flags.FLAGS
    runs = {name: read_run(pathlib.Path(name)) for name in values.runs}
    output = pathlib.Path(values.output)
    output.mkdir(parents=True, exist_ok=True)
    common = min(run[-1][0] for run in runs.values())
    for name, run in runs.items():
        print(
            f"{best_within(run, common):6.1%} after {common:.0f} s, {best_within(run, run[-1][0]):6.1%} in all  {name}"
        )
    plot(runs, output / "curves.png")
    print(f"written to {output}: curves.png")


if __name__ == "__main__":
    cli.run(main, define_flags)
