"""Draws the ratios of networks to the baseline, beside the paper's."""

import pathlib
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing

_PANELS = (
    ("latency", "latency, batch of one (lower is faster)"),
    ("throughput", "videos per second in batches (higher is faster)"),
)
_MARKERS = {6: "D", 10: "s", 5: "^"}  # by table of the paper


def plot(rows: Sequence[dict[str, Any]], path: pathlib.Path, title: str) -> None:
    """Draws ratios with their intervals, and the paper's, as a PNG; axes are logarithmic.

    Args:
        rows: rows of `benchmarks.networks_latency`, the baseline first.
        path: the PNG file.
        title: where the times are from.
    """
    figure = Figure(figsize=(13, 1.6 + 0.42 * len(rows)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)

    for axes, (name, label) in zip(panels, _PANELS, strict=True):
        _draw_ours(axes, rows, name)
        _draw_paper(axes, rows, name)
        axes.axvline(1, color="#555555", linewidth=1)
        axes.set(xscale="log", xlabel=f"{label}, relative to {plot_text(rows[0]['network'])}")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.15)
        axes.grid(alpha=0.3, axis="x", which="both")
    panels[0].set_yticks(range(len(rows)), [plot_text(row["network"]) for row in rows])
    panels[0].invert_yaxis()
    for axes in panels:
        axes.legend(fontsize=8)
    figure.suptitle(plot_text(title))

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_ours(axes, rows, name):
    column = f"{name}_ratio"
    places = [place for place, row in enumerate(rows) if row[column]]
    ratios = [rows[place][column] for place in places]
    errors = (
        [rows[place][column] - rows[place][f"{column}_low"] for place in places],
        [rows[place][f"{column}_high"] - rows[place][column] for place in places],
    )
    axes.errorbar(ratios, places, xerr=errors, fmt="o", color="#3a7ca5", capsize=3, label="here")
    for place, ratio in zip(places, ratios, strict=True):
        axes.annotate(
            f"{ratio:.2f}",
            (ratio, place),
            (0, 6),
            textcoords="offset points",
            fontsize=7,
            ha="center",
        )


def _draw_paper(axes, rows, name):
    """Draws the paper's ratios. Where its baseline is another, it has the ratio measured here."""
    here = {row["network"]: row[f"{name}_ratio"] for row in rows}
    for table, marker in _MARKERS.items():
        points = [
            (row[f"paper_{name}_ratio"] * here[row["paper_baseline"]], place)
            for place, row in enumerate(rows)
            if row["paper_table"] == table
            and row[f"paper_{name}_ratio"]
            and here.get(row["paper_baseline"])
        ]
        if points:
            x, y = zip(*points, strict=True)
            axes.plot(
                x, y, marker, color="#c4622d", fillstyle="none", label=f"paper, Table {table}"
            )
