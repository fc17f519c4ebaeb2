"""What a detector takes and finds. Needs only numpy, so that devices can import it."""

from typing import NamedTuple

import numpy as np

PADDING = (123, 116, 103)
"""RGB of the border: the mean of ImageNet, which detectors subtract, rounded as in the original."""

SHOWN_SCORE = 0.5
"""Lowest score of the boxes that are drawn, unless the user says otherwise."""

_CLASS_COLORS = (  # Matplotlib's "tab10"
    (31, 119, 180),
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
)


class Detections(NamedTuple):
    """The objects in a frame, the best first.

    Attributes:
        boxes: `float32 [n, 4]`: x1, y1, x2, y2 in half-open pixels.
        classes: `int32 [n]`, from 0; background has no number.
        scores: `float32 [n]`, in 0..1.
    """

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray

    def above(self, threshold: float) -> "Detections":
        """Returns those with at least a score."""
        return Detections(*[values[self.scores >= threshold] for values in self])


def class_color(number: int) -> tuple[int, int, int]:
    """Returns the colour of a class, RGB; ten colours take turns."""
    return _CLASS_COLORS[number % len(_CLASS_COLORS)]
