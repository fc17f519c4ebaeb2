"""Draws the latency of this project's files relative to those of litert-torch."""

import pathlib
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from tsm_tf.evaluation.plot_text import plot_text
from tsm_tf.files import replacing


def plot_ratios(rows: Sequence[dict[str, Any]], path: pathlib.Path, title: str) -> None:
    """Draws one bar per row with its ratio, and a line at 1, as a PNG.

    Args:
        rows: rows of `benchmarks.litert_torch_latency`, without the baseline.
        path: the PNG file.
        title: what the ratios are.
    """
    names = [
        f"{row['network']}, {row['variant']}\n{row['runtime']}, {row['threads']} thread(s)"
        for row in rows
    ]
    figure = Figure(figsize=(9, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.subplots()

    ratios = [row["ratio"] for row in rows]
    bars = axes.barh([plot_text(name) for name in names], ratios, color="#3a7ca5")
    labels = [f"{row['ratio']:.2f}, {row['p50_ms']:.2f} ms" for row in rows]
    axes.bar_label(bars, labels, padding=4)
    axes.axvline(1, color="#555555", linewidth=1)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set(xlabel="latency relative to the file of litert-torch", title=plot_text(title))

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
