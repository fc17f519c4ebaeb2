"""How often the class of a found object is right, and how many objects are false alarms.

On blurred, hidden or dazzled frames, *where* an object is can be seen, but *what* it is cannot
always. There, memory helps (Fig. 6 of the paper).
"""

import dataclasses

import numpy as np

from tsm_tf.detection.evaluation.matching import NONE, Pairs, best_overlap, match, pair
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes
from tsm_tf.detection.evaluation.vid_ap import MOTION_GROUPS

MIN_FOUND_SCORE = 0.1
"""A detection with a lower score does not find an object."""

MIN_ALARM_SCORE = 0.5
"""A detection with a higher score is an alarm."""


@dataclasses.dataclass(frozen=True)
class ClassAccuracy:
    """Whether objects are found, and with the right class.

    Args:
        frames: "all", "sharp" or "degraded".
        motion: name of a group of `MOTION_GROUPS`.
        num_objects: number of true boxes.
        num_found: how many have a detection of any class with enough overlap.
        num_right: for how many of these the class is right.
    """

    frames: str
    motion: str
    num_objects: int
    num_found: int
    num_right: int

    @property
    def found(self) -> float | None:
        """Share of the objects that are found; None without objects."""
        return self.num_found / self.num_objects if self.num_objects else None

    @property
    def accuracy(self) -> float | None:
        """Share of the found objects whose class is right; None if none is found."""
        return self.num_right / self.num_found if self.num_found else None


def class_accuracies(detected: DetectedBoxes, true: TrueBoxes) -> list[ClassAccuracy]:
    """Returns the accuracy by motion, on all frames, and on sharp and degraded ones if known.

    The detections of all classes choose in falling score, so the class of an object is that of its
    best detection.
    """
    detected = detected.select(detected.scores >= MIN_FOUND_SCORE).best_first()
    pairs = pair(detected, true)
    matched = match(pairs, _reaches_tolerance(pairs, true), len(detected))

    classes = np.full(len(true.classes), NONE)
    classes[matched[matched != NONE]] = detected.classes[matched != NONE]
    is_found, is_right = classes != NONE, classes == true.classes

    kinds = {"all": np.ones(len(classes), bool)}
    if true.degraded is not None:
        kinds |= {"sharp": ~true.degraded, "degraded": true.degraded}

    rows = []
    for kind, is_kind in kinds.items():
        for group in MOTION_GROUPS:
            low, high = group.motion
            counted = is_kind & (true.motion >= low) & (true.motion <= high)
            rows.append(
                ClassAccuracy(
                    kind,
                    group.name,
                    int(counted.sum()),
                    int((counted & is_found).sum()),
                    int((counted & is_right).sum()),
                )
            )
    return rows


def false_alarms(detected: DetectedBoxes, true: TrueBoxes) -> float:
    """Returns the number of alarms per 100 frames where there is no object of any class."""
    detected = detected.select(detected.scores > MIN_ALARM_SCORE)
    pairs = pair(detected, true)
    has_object = best_overlap(pairs, _reaches_tolerance(pairs, true), len(detected)) >= 0
    return 100 * int((~has_object).sum()) / true.num_frames


def _reaches_tolerance(pairs: Pairs, true: TrueBoxes) -> np.ndarray:
    return pairs.overlap >= true.tolerances[pairs.true]
