"""`Video`: one line of a list of videos."""

import dataclasses
import re
from collections.abc import Sequence

UNKNOWN_FRAMES = -1
"""The number of frames of a video whose length the list does not give."""
MIN_TRAINING_FRAMES = 3
"""The official code does not train on videos with fewer frames."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass(frozen=True)
class Video:
    """One line of a list file.

    Args:
        path: where the video is: an absolute path, or a URI.
        name: the path as the list has it.
        num_frames: number of frames, or `UNKNOWN_FRAMES`.
        label: index of the class, the first one if there are several.
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


def trainable_videos(videos: Sequence[Video]) -> tuple[Video, ...]:
    """Returns the videos that are long enough to train on, or whose length is unknown."""
    return tuple(
        video
        for video in videos
        if video.num_frames == UNKNOWN_FRAMES or video.num_frames >= MIN_TRAINING_FRAMES
    )
