"""Motion IoU: how much an object's box overlaps its own boxes shortly before and after.

FGFA, section 5.1: the mean IoU with the boxes of the same track in the frames from -10 to +10.
"""

import numpy as np

from tsm_tf.detection.evaluation.matching import overlaps

WINDOW = 10
"""Frames before and after."""


def motion_iou(frames: np.ndarray, tracks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Returns the motion IoU of the objects of a video.

    The frame itself is left out, and frames without the object are skipped. So are those before the
    start and after the end of the video.

    Args:
        frames: `int [N]`, frame of each object, from 0.
        tracks: `int [N]`, track of each object, from 0.
        boxes: `float [N, 4]`, half-open boxes in pixels.

    Returns:
        `float64 [N]`, 0..1. An object with no other box within the window has 1.
    """
    if not len(frames):
        return np.zeros(0)

    boxes = np.asarray(boxes, np.float64)
    stride = int(frames.max()) + 2 * WINDOW + 1  # a frame outside the video is in no other track
    keys = np.asarray(tracks, np.int64) * stride + frames
    order = np.argsort(keys, kind="stable")
    in_order = keys[order]

    total, count = np.zeros(len(keys)), np.zeros(len(keys))
    for offset in (*range(-WINDOW, 0), *range(1, WINDOW + 1)):
        at = np.searchsorted(in_order, keys + offset).clip(max=len(keys) - 1)
        rows = np.flatnonzero(in_order[at] == keys + offset)
        total[rows] += overlaps(boxes[rows], boxes[order[at[rows]]])
        count[rows] += 1
    return np.divide(total, count, out=np.ones(len(keys)), where=count > 0)
