"""Which classes a model confuses: the confusion matrix as a picture, and pairs as a table."""

import pathlib
import textwrap
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from tsm_tf.evaluation.plot_text import drawable_names, plot_text
from tsm_tf.files import replacing

MAX_CLASSES = 30
"""Classes in a picture; more cannot be read."""

PAIR_COLUMNS = ("true", "predicted", "videos", "share")

_PAIRS = 20  # in a picture
_OTHERS = "(other classes)"
_CELL, _LETTER, _COUNTS = 0.42, 0.085, 0.7  # inches
_NAME_LETTERS, _NAME_LINES = 36, 2  # at the matrix
_TABLE_LETTERS = (54, 80)


class ConfusedPair(TypedDict):
    """Videos of one class that a model takes for another class.

    Args:
        true: the name of their class.
        predicted: the name of the predicted class.
        videos: how many they are.
        share: their share of the videos of the true class, in 0..1.
    """

    true: str
    predicted: str
    videos: int
    share: float


def confused_pairs(confusion: np.ndarray, classes: Sequence[str]) -> list[ConfusedPair]:
    """Returns all pairs that are confused, those with the most videos first, then by share.

    Args:
        confusion: counts `[C, C]` from `confusion_matrix`.
        classes: names of the C classes.
    """
    totals = confusion.sum(axis=1)
    return [
        {
            "true": classes[row],
            "predicted": classes[column],
            "videos": int(confusion[row, column]),
            "share": round(float(confusion[row, column] / totals[row]), 4),
        }
        for row, column in _pair_indices(confusion)
    ]


def _pair_indices(confusion) -> list[tuple[int, int]]:
    mistakes, totals = confusion.copy(), confusion.sum(axis=1)
    np.fill_diagonal(mistakes, 0)
    pairs = [(int(row), int(column)) for row, column in zip(*np.nonzero(mistakes), strict=True)]
    return sorted(pairs, key=lambda pair: (-mistakes[pair], -mistakes[pair] / totals[pair[0]]))


def most_confused(confusion: np.ndarray, count: int) -> list[int]:
    """Returns classes of the most confused pairs, pair by pair, then those without mistakes.

    Args:
        confusion: counts `[C, C]` from `confusion_matrix`.
        count: number of classes, at most C.
    """
    in_pairs = [index for pair in _pair_indices(confusion) for index in pair]
    by_videos = np.argsort(-confusion.sum(axis=1), kind="stable").tolist()
    return list(dict.fromkeys([*in_pairs, *by_videos]))[:count]


def plot_confusion(
    confusion: np.ndarray,
    classes: Sequence[str],
    title: str,
    path: pathlib.Path,
) -> None:
    """Draws a confusion matrix as a PNG, in percent of the videos of each true class.

    Of more than 30 classes, the 30 that are confused most often are shown, with a column for what
    was predicted otherwise, beside a table of the most confused pairs.

    Args:
        confusion: counts `[C, C]` from `confusion_matrix`.
        classes: names of the C classes.
        title: text above the matrix.
        path: the file; replaced if it exists.
    """
    from matplotlib.figure import Figure  # takes a second to import

    names = drawable_names(classes)
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    rows = columns = [plot_text(_wrap(name, _NAME_LETTERS, _NAME_LINES)) for name in names]
    is_part = len(classes) > MAX_CLASSES
    if is_part:
        chosen = most_confused(confusion, MAX_CLASSES)
        rows = [rows[index] for index in chosen]
        columns = [*rows, _OTHERS]
        inside = shares[np.ix_(chosen, chosen)]
        others = shares[chosen].sum(axis=1) - inside.sum(axis=1)
        shares = np.concatenate([inside, others[:, None]], axis=1)
        title += f"; the {MAX_CLASSES} most confused of {len(classes)} classes"

    label = 1 + _LETTER * max(len(line) for name in columns for line in name.splitlines())
    width, height = label + _CELL * len(columns), 0.8 * label + _CELL * len(rows)
    figure = Figure(layout="constrained")
    if is_part:
        pairs = confused_pairs(confusion, names)[:_PAIRS]
        letters = _letters(pairs)
        panels = [width, _COUNTS + _LETTER * letters]
        axes, table = figure.subplots(1, 2, width_ratios=panels)
        _draw_pairs(table, pairs, letters)
    else:
        panels, axes = [width], figure.subplots()
    figure.set_size_inches(sum(panels), height)
    _draw_matrix(axes, shares, rows, columns)
    axes.set_title(plot_text(title))

    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _draw_matrix(axes, shares, rows, columns):
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.set(xlabel="predicted", ylabel="true")

    for row, column in zip(*np.nonzero(shares > 5e-3), strict=True):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{100 * share:.0f}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
            fontsize=8,
        )


def _letters(pairs: Sequence[ConfusedPair]) -> int:
    """Returns how many letters of a name have room in the table."""
    longest = max(
        (len(name) for pair in pairs for name in (pair["true"], pair["predicted"])), default=0
    )
    least, most = _TABLE_LETTERS
    return min(max(least, longest + 2), most)


def _draw_pairs(axes, pairs: Sequence[ConfusedPair], letters: int):
    """Draws pairs as a table, two lines per pair."""
    axes.set_axis_off()
    axes.set(xlim=(0, _COUNTS + _LETTER * letters), ylim=(_PAIRS, -0.5))
    axes.set_title("most confused pairs: videos, and percent of the true class", loc="left")
    for number, pair in enumerate(pairs):
        true, predicted = (plot_text(_wrap(pair[key], letters, 1)) for key in ("true", "predicted"))
        axes.text(0, number, f"{pair['videos']:,}\n{pair['share']:.0%}", va="center")
        axes.text(_COUNTS, number, f"{true}\n→ {predicted}", va="center")
        axes.axhline(number + 0.5, color="#d5dde5", linewidth=0.8)
    if not pairs:
        axes.text(0, 0, "none: all videos are classified correctly")


def _wrap(name, width, max_lines):
    return textwrap.fill(name, width, max_lines=max_lines, placeholder="…")
