"""Precision over recall, and the area under it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RECALLS = np.linspace(0, 1, 101)
"""The recalls at which curves are drawn, and at which COCO averages the precision."""


class Curve(NamedTuple):
    """A detector's result for one class in one group of objects.

    Args:
        average_precision: area under the interpolated precision at all recalls, 0..1.
        precisions: `float64 [101]`, interpolated precision at `RECALLS`.
        num_objects: number of true boxes.
    """

    average_precision: float
    precisions: np.ndarray
    num_objects: int


def measure(hits: np.ndarray, false_alarms: np.ndarray, num_objects: int) -> Curve | None:
    """Returns the curve of detections in falling score.

    The precision at a recall is interpolated: the best one at this recall or a higher one.

    Args:
        hits: `[N]`, 1 for detections that found an object.
        false_alarms: `[N]`, weight of each detection that found none. Detections that are neither
            are ignored.
        num_objects: number of true boxes.

    Returns:
        The curve, or None if there are no objects.
    """
    if num_objects <= 0:
        return None

    found, wrong = np.cumsum(hits), np.cumsum(false_alarms)
    recall = found / num_objects
    precision = found / np.maximum(found + wrong, np.finfo(np.float64).eps)
    precision = np.maximum.accumulate(precision[::-1])[::-1]

    steps = np.diff(recall, prepend=0.0)
    at = np.searchsorted(recall, RECALLS)
    return Curve(float(steps @ precision), np.append(precision, 0.0)[at], num_objects)


def mean_average_precision(curves: Sequence[Curve | None]) -> float | None:
    """Returns the mean over the classes that have objects; None if none has."""
    values = [curve.average_precision for curve in curves if curve is not None]
    return float(np.mean(values)) if values else None
