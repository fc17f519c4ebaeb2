"""What a detector finds in a frame. Needs only numpy, so that devices can import it."""

from typing import NamedTuple

import numpy as np

SHOWN_SCORE = 0.5
"""Lowest score of the boxes that are drawn, unless the user says otherwise."""


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
