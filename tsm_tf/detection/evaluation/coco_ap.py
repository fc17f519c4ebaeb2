"""AP50 as COCO computes it, which differs from ImageNet-VID's: another tolerance and average."""

import numpy as np

from tsm_tf.detection.evaluation.matching import NONE, match, pair
from tsm_tf.detection.evaluation.precision_recall import measure
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes

_MAX_DETECTIONS = 100  # per frame and class
_OVERLAP = 0.5


def coco_ap50(detected: DetectedBoxes, true: TrueBoxes, number: int) -> float | None:
    """Returns the AP50 of a class, as in pycocotools.

    Every true box needs an IoU of 0.5, also a small one. The precision is averaged over 101
    recalls. Of each frame, the best 100 detections of the class count.

    Args:
        detected: the detections of all classes.
        true: the true boxes of all classes.
        number: the class.

    Returns:
        The AP50, 0..1; None if the class has no object.
    """
    detected = detected.select(detected.classes == number).best_first()
    detected = detected.select(_rank_in_frame(detected.frames) < _MAX_DETECTIONS)

    pairs = pair(detected, true)
    is_candidate = (true.classes == number)[pairs.true] & (pairs.overlap >= _OVERLAP)
    hits = match(pairs, is_candidate, len(detected)) != NONE
    curve = measure(hits, ~hits, int((true.classes == number).sum()))
    return None if curve is None else float(curve.precisions.mean())


def _rank_in_frame(frames):
    """Returns how many earlier rows have the same frame, `[N]`."""
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    sizes = np.diff(starts, append=len(frames))
    ranks = np.empty(len(frames), np.int64)
    ranks[order] = np.arange(len(frames)) - np.repeat(starts, sizes)
    return ranks
