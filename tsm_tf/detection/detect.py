"""Detects objects in the frames of a video, one after the other."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tsm_tf.detection.rfcn import DetectorModel


class Detections(NamedTuple):
    """The objects in a frame, the best first.

    Attributes:
        boxes: `float32 [n, 4]`: x1, y1, x2, y2 in half-open pixels of the original frame.
        classes: `int32 [n]`, from 0.
        scores: `float32 [n]`, in 0..1.
    """

    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray


def detect_video(model: DetectorModel, frames: Iterable[np.ndarray]) -> Iterator[Detections]:
    """Yields the detections of each frame of a video.

    A detector with a unidirectional shift, or without one, takes frame by frame, with caches. One
    with a bidirectional shift takes windows of its `num_segments` frames; FGFA each frame's
    neighbours.

    Args:
        model: the detector.
        frames: frames `uint8 [H, W, 3]`, RGB, of any one size.
    """
    raise NotImplementedError
