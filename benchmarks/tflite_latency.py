"""Measures TFLite files on each runtime, one thread.

python -m benchmarks.tflite_latency --name=shift_latency --models=build/tsm,build/plain_2d

The measurement is that of `export.benchmark`; ratios are to the last file.
"""

import pathlib

from absl import flags

from benchmarks.results import RESULTS, publish, result_path
from export.benchmark import measure
from export.benchmark_plots import plot, plot_curve
from export.format.metadata import read_spec
from tsm_tf import cli
from tsm_tf.errors import InputError, MissingFile

RUNTIMES = ("tflite_runtime", "ai_edge_litert")


def find_models(paths: list[pathlib.Path]) -> list[pathlib.Path]:
    """Returns the files in order; a folder stands for the TFLite files in it.

    Raises:
        MissingFile: a path does not exist.
        InputError: a folder without TFLite files.
    """
    models = []
    for path in paths:
        if not path.exists():
            raise MissingFile("models", "must be existing files or folders", str(path))

        found = sorted(path.glob("*.tflite")) if path.is_dir() else [path]
        if not found:
            raise InputError("models", "must be folders with TFLite files", str(path))
        models += found
    return models


def define_flags():
    flags.DEFINE_string("name", None, "First part of the results' names.", required=True)
    flags.DEFINE_list(
        "models",
        None,
        "TFLite files, or folders of them; ratios are to the last file.",
        required=True,
    )
    flags.DEFINE_list("runtimes", list(RUNTIMES), "Runtimes to measure.")
    flags.DEFINE_integer("rounds", 10, "See export.benchmark.", lower_bound=1)
    flags.DEFINE_bool("curve", False, "Also draw the latency over the multiply-adds.")
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV and PNG files.")


def main():
    values = flags.FLAGS
    models = find_models([pathlib.Path(name) for name in values.models])
    for model in models:
        read_spec(model)  # reports a bad file before the first measurement

    rows = []
    for runtime in values.runtimes:
        print(runtime, flush=True)
        rows += measure(models, 1, runtime, values.rounds)

    def path_for(what):
        return result_path(
            pathlib.Path(values.output),
            what,
            sorted(row["variant"] for row in rows),
            rows[0]["device"],
            [row["runtime"].replace(" ", "_") for row in rows],
        )

    path = path_for(values.name)
    publish(rows, path)
    plot(rows, path.with_suffix(".png"))
    if values.curve:
        plot_curve(rows, path_for(f"{values.name}_curve").with_suffix(".png"))


if __name__ == "__main__":
    cli.run(main, define_flags)
