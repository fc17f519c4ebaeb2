"""The true boxes of a split and a detector's boxes, as flat arrays sorted by frame."""

import dataclasses
import functools

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class TrueBoxes:
    """The annotated objects of all frames of a split.

    Args:
        frames: `int64 [G]`, frame of each object, from 0, in rising order.
        classes: `int64 [G]`, from 0; the background is not counted.
        boxes: `float64 [G, 4]`, half-open x1, y1, x2, y2 in pixels of the original frame.
        motion: `float64 [G]`, motion IoU, see `motion_iou`.
        num_frames: number of frames, also of those without objects.
        degraded: `bool [G]`, objects that cannot be seen well, such as blurred ones; None if the
            data set does not say so.
    """

    frames: np.ndarray
    classes: np.ndarray
    boxes: np.ndarray
    motion: np.ndarray
    num_frames: int
    degraded: np.ndarray | None = None

    @functools.cached_property
    def first(self) -> np.ndarray:
        """The index of the first object in each frame, and G at the end, `int64 [F + 1]`."""
        return np.searchsorted(self.frames, np.arange(self.num_frames + 1))

    @functools.cached_property
    def areas(self) -> np.ndarray:
        """Area of each box in square pixels."""
        return box_areas(self.boxes)

    @functools.cached_property
    def tolerances(self) -> np.ndarray:
        """The IoU that a detection needs: 0.5, or less for small boxes.

        A box of less than about 24 pixels per side may be missed by 10 pixels, as in ImageNet-VID's
        evaluation.
        """
        width, height = (self.boxes[:, 2:] - self.boxes[:, :2]).T
        return np.minimum(0.5, width * height / ((width + 10) * (height + 10)))


@dataclasses.dataclass(frozen=True, eq=False)
class DetectedBoxes:
    """What a detector found in all frames of a split.

    Args:
        frames: `int64 [N]`, frame of each detection, from 0, in any order.
        classes: `int64 [N]`, from 0; the background is not counted.
        scores: `float64 [N]`.
        boxes: `float64 [N, 4]`, half-open x1, y1, x2, y2 in pixels of the original frame.
    """

    frames: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def select(self, rows: np.ndarray) -> "DetectedBoxes":
        """Returns the detections at indices or under a mask."""
        return DetectedBoxes(
            self.frames[rows],
            self.classes[rows],
            self.scores[rows],
            self.boxes[rows],
        )

    def best_first(self) -> "DetectedBoxes":
        """Returns the detections in falling score; equal scores in the order of their frames."""
        by_frame = np.argsort(self.frames, kind="stable")
        return self.select(by_frame[np.argsort(-self.scores[by_frame], kind="stable")])


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Returns the areas of half-open boxes `[N, 4]`."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
