"""Draws precision over recall: by motion, and for each class."""

import math
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tsm_tf.detection.evaluation.figures import Figures
from tsm_tf.detection.evaluation.precision_recall import RECALLS, Curve
from tsm_tf.detection.evaluation.vid_ap import MOTION_GROUPS
from tsm_tf.evaluation.plot_text import plot_names
from tsm_tf.files import replacing

MOTION_FILE, CLASS_FILE = "precision_recall.png", "precision_recall_classes.png"
MAX_CLASSES = 30
"""Classes with a panel of their own; the first ones that have objects."""

_COLUMNS = 5
_CHARACTER = 0.085  # inches


def draw_curves(output: pathlib.Path, results: Mapping[str, Figures]) -> None:
    """Writes a PNG with a panel per group of motion, and one with a panel per class.

    Args:
        output: the folder.
        results: the figures by the detector's name; all with the same classes.
    """
    names, figures = plot_names(list(results)), list(results.values())
    groups = [
        (f"{group.name} objects", [_mean(each.curves[group.name]) for each in figures])
        for group in MOTION_GROUPS
    ]
    _draw(output / MOTION_FILE, groups, names, len(groups))

    curves = [each.curves["all"] for each in figures]
    classes = [
        (label, [_point(of_class[number]) for of_class in curves])
        for number, label in enumerate(plot_names(figures[0].labels))
        if curves[0][number] is not None
    ][:MAX_CLASSES]
    _draw(output / CLASS_FILE, classes, names, min(_COLUMNS, len(classes)))


def _mean(curves: Sequence[Curve | None]):
    """Returns the mean precisions and the mAP over the classes with objects, or None."""
    found = [curve for curve in curves if curve is not None]
    if not found:
        return None
    precisions = np.mean([curve.precisions for curve in found], axis=0)
    return precisions, float(np.mean([curve.average_precision for curve in found]))


def _point(curve: Curve | None):
    return None if curve is None else (curve.precisions, curve.average_precision)


def _draw(path, panels, names, columns):
    """Draws panels with one line per detector, and the names of the detectors below them."""
    rows, columns = max(1, math.ceil(len(panels) / max(1, columns))), max(1, columns)
    name_width = _CHARACTER * max(map(len, names)) + 1  # inches, with a piece of line
    width = max(3.1 * columns, name_width)
    figure = Figure(figsize=(width, 3 * rows + 0.5), layout="constrained")

    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, (title, lines) in zip(axes.flat, panels, strict=False):
        for number, line in enumerate(lines):
            if line is not None:
                axis.plot(RECALLS, line[0], color=f"C{number}", label=f"{line[1]:.1%}")
        axis.set(title=title, xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axis.grid(alpha=0.3)
        if axis.lines:
            axis.legend(loc="lower left", fontsize="small")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()

    lines = [Line2D([], [], color=f"C{number}") for number in range(len(names))]
    in_row = max(1, int(width / name_width))
    figure.legend(lines, names, loc="outside lower center", ncols=in_row, fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
