"""Average precision on ImageNet-VID, overall and by motion and area.

Section 6 and Table 9 of the paper; the evaluation of FGFA (msracver,
`imagenet_vid_eval_motion.py`), whose numbers it reproduces.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tsm_tf.detection.evaluation.matching import NONE, best_overlap, match, pair
from tsm_tf.detection.evaluation.precision_recall import Curve, measure
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes, box_areas

_ANY_AREA = (0.0, np.inf)


@dataclasses.dataclass(frozen=True)
class Group:
    """A group of objects. Both ends of each range belong to it.

    Args:
        name: for tables and files.
        motion: range of the motion IoU; fast objects have little overlap with themselves.
        area: range of the area in square pixels.
    """

    name: str
    motion: tuple[float, float] = (0.0, 1.0)
    area: tuple[float, float] = _ANY_AREA


ALL, SLOW, MEDIUM, FAST = (
    Group("all"),
    Group("slow", (0.9, 1.0)),
    Group("medium", (0.7, 0.9)),
    Group("fast", (0.0, 0.7)),
)
MOTION_GROUPS = (ALL, SLOW, MEDIUM, FAST)
AREA_GROUPS = (
    Group("area_small", area=(0, 50**2)),
    Group("area_medium", area=(50**2, 150**2)),
    Group("area_large", area=(150**2, np.inf)),
)
GROUPS = (*MOTION_GROUPS, *AREA_GROUPS)


def vid_curves(
    detected: DetectedBoxes,
    true: TrueBoxes,
    number: int,
    groups: Sequence[Group] = GROUPS,
) -> list[Curve | None]:
    """Returns the curves of a class, one per group.

    A detection takes the free true box of its class that it overlaps most, if the overlap reaches
    the box's tolerance. Then, in a group:

    - A detection that took a box of the group is a hit, and one that took another box is ignored.
    - One without a box is a false alarm if the box that it overlaps most, of any class, has the
      group's motion. It is ignored if this box has another motion. If it overlaps no box, it
      counts in a frame where all objects have the group's motion, and is ignored where none has.
      Where some have, its weight is the share of the frame's objects that have *not*. This looks
      like a slip, but published numbers were made with it. In a frame without objects, its weight
      is the share of all objects that have the group's motion.
    - One without a box whose own area is outside the range of areas is ignored.

    Args:
        detected: the detections of all classes.
        true: the true boxes of all classes.
        number: the class.
        groups: the groups.

    Returns:
        One curve per group; None where the class has no object in the group.
    """
    detected = detected.select(detected.classes == number).best_first()
    pairs, count = pair(detected, true), len(detected)

    is_candidate = (true.classes == number)[pairs.true]
    is_candidate &= pairs.overlap >= true.tolerances[pairs.true]
    matched = match(pairs, is_candidate, count)
    has_box, areas = matched != NONE, box_areas(detected.boxes)

    curves = []
    for group in groups:
        has_motion = _within(true.motion, group.motion)
        is_in_group = has_motion & _within(true.areas, group.area)
        inside = best_overlap(pairs, has_motion[pairs.true], count)
        outside = best_overlap(pairs, ~has_motion[pairs.true], count)

        weights = np.where(inside > outside, 1.0, 0.0)
        is_tie = inside == outside
        weights[is_tie] = _weights_of_ties(true, has_motion)[detected.frames[is_tie]]
        weights[has_box | ~_within(areas, group.area)] = 0.0

        hits = has_box.copy()
        hits[has_box] = is_in_group[matched[has_box]]
        curves.append(measure(hits, weights, int((is_in_group & (true.classes == number)).sum())))
    return curves


def _within(values, limits):
    return (values >= limits[0]) & (values <= limits[1])


def _weights_of_ties(true, has_motion):
    """Returns, for each frame, the weight of a false alarm that overlaps no object, `[F]`."""
    counts = np.diff(true.first)
    others = np.bincount(true.frames[~has_motion], minlength=true.num_frames)
    weights = np.full(true.num_frames, has_motion.mean() if len(has_motion) else 1.0)
    return np.divide(others, counts, out=weights, where=counts > 0)
