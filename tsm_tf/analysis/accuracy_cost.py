"""Accuracy against computation, with the parameters as bubbles (section 5.3.4, Fig. 5).

    python -m tsm_tf.analysis.accuracy_cost --runs=runs/tsm,runs/tsn --output=accuracy_cost

Your evaluated runs are drawn beside the paper's points, which are those of Something-Something-V1
in Table 2. Multiply-adds are those of all views of a video.
"""

import itertools
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import flags

from tsm_tf import cli, output_folder
from tsm_tf.analysis.families import family
from tsm_tf.analysis.paper_tables import OURS, PAPER, read_paper
from tsm_tf.errors import InputError
from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing, write_csv

COLUMNS = (
    *("source", "family", "model", "data", "protocol", "frames"),
    *("multiply_adds_G", "parameters_M", "top1"),
)
_MARKER = "accuracy_cost.json"
_LARGEST, _SMALLEST = 1800.0, 20.0  # areas of bubbles in square points
_INNER = 0.7  # half the side of the square in a circle, relative to its radius
_LINE = "#8a949e"
_DISTANCES = (3, 12)  # points from a bubble to its name
_PLACES = (
    # direction of a name from the centre of the bubble, and its alignment
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (0.7, 0.7, "left", "bottom"),
    (0.7, -0.7, "left", "top"),
    (-0.7, 0.7, "right", "bottom"),
    (-0.7, -0.7, "right", "top"),
)
_TITLE = (
    "filled: ours, on our data; hollow: the paper's, on Something-Something-V1\n"
    "(Table 2); area: parameters; cross: their number is not published"
)
COLORS = {
    "TSM": "#3a7ca5",
    "TSN": "#7a8794",
    "TRN": "#8f6bb0",
    "ECO": "#4f9d69",
    "I3D": "#c4622d",
    "CorrNet": "#b0892c",
    "CSN": "#a8476b",
    "SlowFast": "#2f9e9e",
    "X3D": "#d08aa8",
    "R(2+1)D": "#6b6b3f",
}

Row = dict[str, Any]


def own_rows(runs: Sequence[Any]) -> list[Row]:
    """Returns one row per evaluation of each `Run`.

    Raises:
        InputError: an evaluation whose number of views is unknown.
    """
    from tsm_tf.analysis.cost import model_cost
    from tsm_tf.evaluation.protocols import find_protocol
    from tsm_tf.evaluation.view_logits import sized_model
    from tsm_tf.models.clip import build_model

    rows = []
    for run in runs:
        model = build_model(run.spec)
        for evaluation in run.with_top1:
            try:
                protocol = find_protocol(evaluation["protocol"])
            except InputError as error:
                rule = f"must be evaluated with a known protocol, which {error.rule}"
                received = f"{evaluation['protocol']} of {run.name}"
                raise InputError("runs", rule, received) from None
            cost = model_cost(sized_model(model, protocol.views))
            multiply_adds = protocol.views.count * cost.total("multiply_adds")
            rows.append(
                {
                    "source": OURS,
                    "family": family(run.spec),
                    "model": run.name,
                    "data": evaluation["data"],
                    "protocol": protocol.name,
                    "frames": run.spec.num_segments * protocol.views.clips,
                    "multiply_adds_G": round(multiply_adds / 1e9, 4),
                    "parameters_M": round(cost.total("parameters") / 1e6, 4),
                    "top1": round(100 * evaluation["top1"], 2),
                }
            )
    return rows


def paper_rows() -> list[Row]:
    """Returns the models of Table 2 whose computation is published."""
    data = {"source": PAPER, "data": "Something-Something-V1"}
    return [{**data, **row} for row in read_paper("accuracy_cost")]


def plot(rows: Sequence[Row], path: pathlib.Path, title: str = _TITLE) -> None:
    """Draws one bubble per row: filled for ours, hollow for the paper's.

    Args:
        rows: values by the names in `COLUMNS`. A row without `data` has its model as its only
            label.
        path: the PNG file.
        title: what the picture shows.
    """
    from matplotlib.figure import Figure  # takes a second to import
    from matplotlib.ticker import LogLocator, NullFormatter

    figure = Figure(figsize=(11, 6.5), dpi=110, layout="constrained")
    axes = figure.subplots()
    most = max(row["parameters_M"] or 0 for row in rows)
    bubbles = [_draw_bubble(axes, row, most) for row in rows]
    axes.set(
        xscale="log",
        xlabel="multiply-adds per video (G)",
        ylabel="top-1 (%)",
        title=title,
    )
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.12)
    axes.grid(alpha=0.3)

    figure.draw_without_rendering()  # fixes the places of the bubbles
    _place_labels(axes, rows, bubbles)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=figure.dpi)


def _draw_bubble(axes, row: Row, most: float) -> float:
    """Draws a row, whose area is relative to `most` million parameters; returns the radius."""
    is_own, color = row["source"] == OURS, COLORS[row["family"]]
    point = row["multiply_adds_G"], row["top1"]
    if not row["parameters_M"]:  # not published
        axes.scatter(*point, s=_SMALLEST, marker="x", color=color)
        return math.sqrt(_SMALLEST) / 2

    area = max(_SMALLEST, _LARGEST * row["parameters_M"] / most)
    axes.scatter(
        *point,
        s=area,
        facecolors=color if is_own else "none",
        edgecolors=color,
        linewidths=1.5,
        alpha=0.8,
    )
    return math.sqrt(area) / 2


def _place_labels(axes, rows: Sequence[Row], radii: Sequence[float]) -> None:
    """Writes names beside bubbles, each at the first place where it covers least."""
    from matplotlib.transforms import Bbox

    scale = axes.figure.dpi / 72
    points = [(row["multiply_adds_G"], row["top1"]) for row in rows]
    taken = []
    for (x, y), radius in zip(axes.transData.transform(points), radii, strict=True):
        side = scale * radius * _INNER
        taken.append(Bbox([(x - side, y - side), (x + side, y + side)]))

    for row, point, radius in zip(rows, points, radii, strict=True):
        is_own = row["source"] == OURS
        name = row["model"]
        if is_own and row["data"]:
            name += f"\n{row['data']} ({row['protocol']})"
        label = axes.annotate(
            plot_text(name),
            point,
            (0, 0),
            textcoords="offset points",
            fontsize=7,
            fontweight="bold" if is_own else "normal",
            arrowprops={"arrowstyle": "-", "color": _LINE, "shrinkA": 0, "shrinkB": radius},
        )
        choices = []
        for distance, place in itertools.product(_DISTANCES, _PLACES):
            _move(label, radius + distance, place)
            choices.append((label.get_window_extent().count_overlaps(taken), distance, place))
        _, distance, place = min(choices, key=lambda choice: choice[0])
        _move(label, radius + distance, place)
        taken.append(label.get_window_extent())


def _move(label, distance, place):
    x, y, horizontal, vertical = place
    label.set(position=(distance * x, distance * y), ha=horizontal, va=vertical)


def define_flags():
    flags.DEFINE_list("runs", [], "Evaluated runs: checkpoint or training folders, or preset:NAME.")
    flags.DEFINE_list("results", [], "More folders to search for the evaluations of the runs.")
    flags.DEFINE_string("output", None, "Folder for the CSV and PNG files.", required=True)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    subject = {"runs": values.runs}
    output_folder.check_subject(output, _MARKER, subject)

    own = []
    if values.runs:
        from tsm_tf.analysis.runs import read_runs

        own = own_rows(read_runs(values.runs, values.results, need_top1=True))
    rows = own + paper_rows()

    output_folder.claim(output, _MARKER, subject)
    write_csv(output / "accuracy_cost.csv", rows, COLUMNS)
    plot(rows, output / "accuracy_cost.png")
    for row in own:
        figures = f"{row['top1']:5.1f}%  {row['multiply_adds_G']:9.3f} G"
        print(f"{figures}  {row['model']} ({row['protocol']})")
    print(f"written to {output}: accuracy_cost.csv, accuracy_cost.png")
    print(
        f"ours: {len(own)} evaluation(s) on the data of each run; paper: {len(rows) - len(own)} "
        "models on Something-Something-V1 (Table 2); compare accuracies on the same data only"
    )


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
