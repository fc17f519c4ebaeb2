"""Pairs of detections and true boxes in the same frame, and which detection takes which box."""

from typing import NamedTuple

import numpy as np

from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes, box_areas

NONE = -1
"""The index of a detection without a true box."""


class Pairs(NamedTuple):
    """All pairs of a detection and a true box in its frame, sorted by detection.

    Args:
        detection: `int64 [P]`, index of the detection.
        true: `int64 [P]`, index of the true box.
        overlap: `float64 [P]`, their IoU.
    """

    detection: np.ndarray
    true: np.ndarray
    overlap: np.ndarray


def pair(detected: DetectedBoxes, true: TrueBoxes) -> Pairs:
    """Returns the pairs of boxes in the same frame, whatever their class."""
    first, last = true.first[detected.frames], true.first[detected.frames + 1]
    counts = last - first

    detection = np.repeat(np.arange(len(detected)), counts)
    before = np.cumsum(counts) - counts
    index = np.arange(len(detection)) + np.repeat(first - before, counts)
    return Pairs(detection, index, overlaps(detected.boxes[detection], true.boxes[index]))


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the IoU of half-open boxes, row by row.

    Args:
        a: boxes `[N, 4]`.
        b: boxes `[N, 4]`.

    Returns:
        `float64 [N]`; 0 for boxes that do not touch.
    """
    sizes = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.where((sizes > 0).all(axis=1), sizes[:, 0] * sizes[:, 1], 0.0)
    union = box_areas(a) + box_areas(b) - common
    return np.divide(common, union, out=np.zeros_like(common), where=common > 0)


def match(pairs: Pairs, may_match: np.ndarray, num_detections: int) -> np.ndarray:
    """Gives each true box to at most one detection.

    The detections choose in their order. Each takes the free true box that it overlaps most.

    Args:
        pairs: the pairs; detections are in falling score.
        may_match: `bool [P]`, pairs of the same class with enough overlap.
        num_detections: number of detections.

    Returns:
        `int64 [num_detections]`, index of the true box, or `NONE`.
    """
    rows = np.flatnonzero(may_match)
    rows = rows[np.lexsort((-pairs.overlap[rows], pairs.detection[rows]))]
    detections, true_boxes = pairs.detection[rows].tolist(), pairs.true[rows].tolist()

    matched, taken = [NONE] * num_detections, set()
    for detection, true in zip(detections, true_boxes, strict=True):
        if matched[detection] == NONE and true not in taken:
            matched[detection] = true
            taken.add(true)
    return np.array(matched, np.int64)


def best_overlap(pairs: Pairs, counts: np.ndarray, num_detections: int) -> np.ndarray:
    """Returns each detection's largest overlap with the true boxes that count.

    Args:
        pairs: the pairs.
        counts: `bool [P]`, pairs that count.
        num_detections: number of detections.

    Returns:
        `float64 [num_detections]`; -1 where no box counts.
    """
    best = np.full(num_detections, -1.0)
    if len(pairs.detection):
        starts = np.flatnonzero(np.diff(pairs.detection, prepend=-1))
        overlap = np.where(counts, pairs.overlap, -1.0)
        best[pairs.detection[starts]] = np.maximum.reduceat(overlap, starts)
    return best
