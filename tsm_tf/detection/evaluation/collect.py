"""Collects the true boxes of a split's videos."""

from collections.abc import Callable, Sequence

import numpy as np

from tsm_tf.detection.data.annotated import AnnotatedVideo
from tsm_tf.detection.evaluation.motion_iou import motion_iou
from tsm_tf.detection.evaluation.records import TrueBoxes
from tsm_tf.errors import InputError


def count_frames(videos: Sequence[AnnotatedVideo]) -> int:
    """Returns the number of frames of a split; the last one's number in a detections file."""
    return max((video.first_id - 1 + len(video.frames) for video in videos), default=0)


def collect_boxes(
    videos: Sequence[AnnotatedVideo],
    show: Callable[[int], object] = lambda count: None,
) -> TrueBoxes:
    """Reads the annotations of all frames.

    Args:
        videos: the videos of a split.
        show: called with the number of videos that are read.

    Returns:
        The objects, with their motion IoU. Whether they are degraded is known if any of them is.

    Raises:
        InputError: there are no videos, an annotation is bad, or an object has no track.
    """
    if not videos:
        raise InputError("data", "must have videos in this split", 0)

    parts = []
    for number, video in enumerate(sorted(videos, key=lambda video: video.first_id), 1):
        parts.append(_objects_of(video))
        show(number)

    frames, classes, boxes, motion, degraded = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    return TrueBoxes(
        frames,
        classes,
        boxes,
        motion,
        count_frames(videos),
        degraded if degraded.any() else None,
    )


def _objects_of(video):
    found = list(video.frames)
    counts = [len(frame.boxes) for frame in found]
    frames = np.repeat(np.arange(len(found)), counts)

    classes = _join([frame.classes for frame in found], np.int64)
    tracks = _join([frame.tracks for frame in found], np.int64)
    boxes = _join([frame.boxes for frame in found], np.float64).reshape(-1, 4)
    degraded = _join([frame.degraded for frame in found], bool)

    if (tracks < 0).any():
        rule = "must have a track for each object, from which its motion is computed"
        raise InputError("data", rule, video.name)
    motion = motion_iou(frames, tracks, boxes)
    return frames + video.first_id - 1, classes, boxes, motion, degraded


def _join(arrays, dtype):
    return np.concatenate([np.zeros(0, dtype), *(a.reshape(-1).astype(dtype) for a in arrays)])
