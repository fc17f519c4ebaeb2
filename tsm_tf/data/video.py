"""`Video`: one line of a list of videos."""

import dataclasses
import re
from collections.abc import Sequence

from tsm_tf.errors import InputError

UNKNOWN_FRAMES = -1
"""The number of frames of a video whose length the list does not give."""
NO_CLASS_KNOWN = -1
"""The label of a video whose class is not published, as in the test lists of many data sets."""
MIN_TRAINING_FRAMES = 3
"""The official code does not train on videos with fewer frames."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass(frozen=True, slots=True)
class Video:
    """One line of a list file.

    Args:
        path: where the video is: an absolute path, or a URI.
        name: the path as the list has it, or below the data folder.
        num_frames: number of frames, or `UNKNOWN_FRAMES`.
        label: index of the class, the first one if there are several; or `NO_CLASS_KNOWN`.
        start: where the class begins in the video, in seconds.
        end: where it ends, or None for the whole video.
        classes: indices of all classes in a multi-label list, else empty.
    """

    path: str
    name: str
    num_frames: int
    label: int
    start: float = 0.0
    end: float | None = None
    classes: tuple[int, ...] = ()


def is_uri(path: str) -> bool:
    """Returns whether a path names a scheme, such as `s3://bucket/videos`."""
    return _URI.match(path) is not None


def check_labelled(videos: Sequence[Video], split: str) -> None:
    """Raises unless each video has a class.

    Raises:
        InputError: names a video without one.
    """
    unknown = next((video for video in videos if video.label == NO_CLASS_KNOWN), None)
    if unknown:
        rule = f"must have a class for each video of {split}; label -1 means that it is not known"
        raise InputError("data", rule, unknown.name)


def trainable_videos(videos: Sequence[Video]) -> tuple[Video, ...]:
    """Returns the videos that are long enough to train on, or whose length is unknown."""
    return tuple(
        video
        for video in videos
        if video.num_frames == UNKNOWN_FRAMES or video.num_frames >= MIN_TRAINING_FRAMES
    )
