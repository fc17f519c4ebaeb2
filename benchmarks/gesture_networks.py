"""Trains networks of the paper's comparison on rendered gestures, and compares accuracy and cost.

    python -m benchmarks.gesture_networks

Each network is trained by the recipe `gestures` with a learning rate of 0.001, from random weights
and for as many steps. Its last state is evaluated, so that no network is chosen by the validation
videos. The networks then take turns for the time of one clip. The results are a CSV file, and a
picture like the paper's Fig. 5. To resume after an interruption, run the same command again.
"""

import math
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks.results import RESULTS, publish, result_path, version_of
from export.demo.run_steps import run
from export.demo.steps import Step
from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.timing import interleaved, paired_ratio
from tsm_tf.training.recipes import get_recipe
from tsm_tf.versions import device

ROOT = pathlib.Path(__file__).parent.parent
RECIPE = "gestures"
LEARNING_RATE = 0.001
"""For all networks: with the recipe's 0.003, TRN-multiscale is still at chance after 9 epochs."""

NETWORKS: Mapping[str, tuple[str, ...]] = {
    # name: what its training has beside the recipe. Offline and online TSM shift a quarter of the
    # channels.
    "TSN": ("--shift_mode=none",),
    "TRN-multiscale": ("--shift_mode=none", "--consensus=trn_multiscale"),
    "ECO-Lite small": ("--backbone=eco_lite_small",),
    "I3D 3x1x1 small": ("--backbone=i3d_r50_3x1x1", "--width=0.25", "--num_segments=16"),
    "online TSM": ("--shift_mode=unidirectional", "--shift_div=4"),
    "TSM": ("--shift_mode=bidirectional", "--shift_div=8"),
}
BASELINE = "TSM"
TITLE = (
    "rendered gestures, one recipe and {steps} steps for each network, from random weights\n"
    "area: parameters"
)

COLUMNS = (
    *("model", "frames", "multiply_adds_G", "parameters_M", "top1"),
    *("median_ms", "ratio_to_tsm"),
)

Row = dict[str, Any]


def plan(
    work: pathlib.Path,
    data: Sequence[str],
    rendering: Sequence[str],
    training: Sequence[str],
) -> list[Step]:
    """Returns the commands before the comparison.

    Args:
        work: folder for the runs, which are named after the networks.
        data: flags that say where the videos are.
        rendering: flags that render them; empty if they exist.
        training: flags for all trainings.
    """
    steps = []
    if rendering:
        steps.append(Step("videos", ("tsm_tf.data.synthetic", *rendering)))

    for name, network in NETWORKS.items():
        folder = run_folder(work, name)
        output = f"--output={folder}"
        train = ("tsm_tf.training", f"--recipe={RECIPE}", *data, output, *network, *training)
        evaluate = ("tsm_tf.evaluation", f"--checkpoint={folder / 'last'}", *data)
        steps += [Step(f"training of {name}", train), Step(f"evaluation of {name}", evaluate)]
    return steps


def run_folder(work: pathlib.Path, name: str) -> pathlib.Path:
    """Returns the folder of a network's training."""
    return work / name.lower().replace(" ", "_")


def compare(work: pathlib.Path, rounds: int) -> list[Row]:
    """Returns one row per network: its accuracy, its cost, and the time of a clip.

    Args:
        work: folder with the evaluated runs.
        rounds: timed clips per network.
    """
    from tsm_tf import load_checkpoint
    from tsm_tf.analysis.accuracy_cost import own_rows
    from tsm_tf.analysis.clip_timing import clip_calls
    from tsm_tf.analysis.runs import read_runs

    folders = {name: run_folder(work, name) / "last" for name in NETWORKS}
    rows = own_rows(read_runs(list(folders.values()), need_top1=True))

    models = {name: load_checkpoint(folder) for name, folder in folders.items()}
    seconds = interleaved(clip_calls(models), rounds)
    for name, row in zip(folders, rows, strict=True):
        row["model"] = name
        row["data"] = ""
        row["median_ms"] = round(1000 * statistics.median(seconds[name]), 2)
        row["ratio_to_tsm"] = round(paired_ratio(seconds[name], seconds[BASELINE]), 3)
    return rows


def define_flags():
    data_flags.define(f"{data_flags.LAYOUTS} Default: rendered gestures.", required=False)
    flags.DEFINE_string(
        "work",
        str(ROOT / "build" / "gesture_networks"),
        "Folder for videos and runs; interrupted runs in it are resumed.",
    )
    flags.DEFINE_integer("num_train", 1440, "Rendered training videos.", lower_bound=9)
    flags.DEFINE_integer("num_val", 360, "Rendered validation videos.", lower_bound=9)
    flags.DEFINE_integer("epochs", None, "Passes over the training videos.", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "Seed of the trainings.", lower_bound=0)
    flags.DEFINE_integer("rounds", 50, "Timed clips per network.", lower_bound=1)
    flags.DEFINE_string("output", str(RESULTS), "Folder for the CSV and PNG files.")


def main():
    values = flags.FLAGS
    work = pathlib.Path(values.work).absolute()
    changes: Row = {"seed": values.seed, "learning_rate": LEARNING_RATE}
    if values.epochs is not None:
        changes["epochs"] = values.epochs
    recipe = get_recipe(RECIPE, **changes)

    data, num_train = [f"--data={work / 'data'}"], values.num_train
    rendering = [f"--output={work / 'data'}", f"--num_train={num_train}"]
    rendering.append(f"--num_val={values.num_val}")
    if values.data:
        data, rendering = data_flags.given(), []
        num_train = len(data_flags.read("train", "val").videos("train"))

    training = [f"--{name}={value}" for name, value in changes.items()]
    work.mkdir(parents=True, exist_ok=True)
    try:
        run(plan(work, data, rendering, training), work)
    except subprocess.CalledProcessError as error:  # it has reported why
        sys.exit(error.returncode)

    from tsm_tf.analysis.accuracy_cost import plot

    rows = compare(work, values.rounds)
    steps = recipe.epochs * math.ceil(num_train / recipe.batch_size)
    versions = [version_of("tensorflow")]
    path = result_path(
        pathlib.Path(values.output), "gesture_networks", ["float32"], device(), versions
    )
    publish([{"steps": steps, **{name: row[name] for name in COLUMNS}} for row in rows], path)
    plot(rows, path.with_suffix(".png"), TITLE.format(steps=steps))


if __name__ == "__main__":
    cli.run(main, define_flags)
