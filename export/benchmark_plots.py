"""Pictures of latencies that `export.benchmark` measured."""

import pathlib
from collections.abc import Sequence
from typing import Any

from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing

Row = dict[str, Any]


def plot(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws the median step of each model, runtime and number of threads as a PNG."""
    from matplotlib.figure import Figure  # optional, and takes a second to import

    names = [f"{row['model']}\n{row['runtime']}, {row['threads']} thread(s)" for row in rows]
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()

    bars = axes.barh(
        [plot_text(name) for name in names], [row["p50_ms"] for row in rows], color="#3a7ca5"
    )
    labels = [f"{row['p50_ms']:.2f} ms, x{row['ratio']:.3f}" for row in rows]
    axes.bar_label(bars, labels, padding=4)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel="median step (ms)", title=plot_text(rows[0]["device"]))

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def plot_curve(rows: Sequence[Row], path: pathlib.Path) -> None:
    """Draws the median step over the multiply-adds as a PNG.

    There is one line per runtime, variant and number of threads.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    lines: dict[str, list[tuple[float, float, str]]] = {}
    for row in rows:
        key = f"{row['runtime']}, {row['variant']}, {row['threads']} thread(s)"
        point = (row["multiply_adds"] / 1e6, row["p50_ms"], row["model"].rpartition("/")[0])
        lines.setdefault(key, []).append(point)

    for key, points in lines.items():
        x, y, _ = zip(*sorted(points), strict=True)
        axes.plot(x, y, "o-", label=key)
    for x, y, name in next(iter(lines.values())):
        axes.annotate(
            plot_text(name), (x, y), (-6, 5), textcoords="offset points", fontsize=8, ha="right"
        )

    axes.set(
        xscale="log",
        yscale="log",
        xlabel="multiply-adds per frame (millions)",
        ylabel="median step (ms)",
        title=plot_text(rows[0]["device"]),
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter("{x:g}")
    axes.margins(x=0.25, y=0.15)
    axes.grid(alpha=0.3, which="both")
    axes.legend()

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
