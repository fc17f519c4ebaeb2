"""What happens when in a video: segments with classes, and the class of each frame.

A trimmed video is one segment. An untrimmed one has several, and between them is background.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError

NO_CLASS = -1
"""Label of frames outside all segments of a data set without background classes."""

SLIGHTLY_LESS = 1 - 1e-3
"""Factor for rates: 7.9998 frames per second are meant to be 8."""

_EPSILON = 1e-3  # seconds; a frame whose time is rounded down still belongs to its moment


@dataclasses.dataclass(frozen=True)
class Segment:
    """A time in a video, in seconds, and its class."""

    start: float
    end: float
    label: int


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A video and its segments.

    Args:
        path: where the video is, as in `Video.path`.
        segments: in order of time, without overlaps. That of a trimmed video has no end.
    """

    path: str
    segments: tuple[Segment, ...]

    @property
    def is_trimmed(self) -> bool:
        """Whether the whole video is one segment."""
        return self.segments[0].end == math.inf


def timelines(videos: Sequence[Video]) -> tuple[Timeline, ...]:
    """Returns one timeline per video, in the order in which the videos first appear.

    Args:
        videos: the lines of a list file, `Listing.videos`.

    Raises:
        InputError: segments with different classes overlap, a video is listed both whole and in
            segments, or has several classes.
    """
    several = next((video for video in videos if len(video.classes) > 1), None)
    if several:
        raise InputError("data", "must have one class per video for streams", several.name)

    segments: dict[str, list[Segment]] = {}
    trimmed = []
    for video in videos:
        if video.end is None:
            trimmed.append(video)
        else:
            found = segments.setdefault(video.path, [])
            found.append(Segment(video.start, video.end, video.label))

    both = next((video for video in trimmed if video.path in segments), None)
    if both:
        rule = "must list a video either whole or in segments"
        raise InputError("data", rule, both.name)
    if not segments:
        return tuple(Timeline(v.path, (Segment(0, math.inf, v.label),)) for v in videos)

    order = dict.fromkeys(video.path for video in videos)
    whole = {video.path: (Segment(0, math.inf, video.label),) for video in trimmed}
    return tuple(
        Timeline(path, whole.get(path) or _in_order(path, segments[path])) for path in order
    )


def _in_order(path, segments):
    """Sorts segments, and merges those of one class that touch or overlap."""
    merged: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: (segment.start, segment.end)):
        last = merged[-1] if merged else None
        if last is None or segment.start >= last.end:
            merged.append(segment)
        elif segment.label == last.label:
            merged[-1] = dataclasses.replace(last, end=max(last.end, segment.end))
        else:
            rule = f"must not have overlapping segments of different classes, as in {path}"
            received = f"{last.start:g} to {last.end:g} s and {segment.start:g} to {segment.end:g}"
            raise InputError("data", rule, f"{received} s")
    return tuple(merged)


@dataclasses.dataclass(frozen=True)
class FrameClasses:
    """The annotation of frames.

    Attributes:
        labels: class of each frame, `int64 [n]`.
        shares: how much of its segment has passed at each frame, `float64 [n]` in [0, 1); 0
            outside all segments.
    """

    labels: np.ndarray
    shares: np.ndarray


def classes_at(
    timeline: Timeline,
    times: np.ndarray,
    duration: float,
    between: int = NO_CLASS,
) -> FrameClasses:
    """Returns the annotation of the frames at some times of a video.

    Args:
        timeline: the video.
        times: seconds, `[n]`.
        duration: seconds of the whole video, where a trimmed one ends.
        between: class of frames outside all segments.
    """
    labels = np.full(len(times), between, np.int64)
    shares = np.zeros(len(times))

    for segment in timeline.segments:
        end = min(segment.end, duration)
        inside = (times >= segment.start - _EPSILON) & (times < end - _EPSILON)
        labels[inside] = segment.label
        shares[inside] = (times[inside] - segment.start) / (end - segment.start)

    return FrameClasses(labels, shares.clip(0))


def frame_indices(times: np.ndarray, fps: float, num_frames: int) -> np.ndarray:
    """Returns the first frame at or after each time, as a stream at a fixed rate shows them.

    Args:
        times: seconds, `[n]`.
        fps: frames per second of the video.
        num_frames: number of frames of the video; the last one stands for later times.

    Returns:
        `int64 [n]`.
    """
    indices = np.ceil(times * fps - _EPSILON * fps).astype(np.int64)
    return indices.clip(0, num_frames - 1)


def check_timelines(videos: Sequence[Timeline], source: Source) -> None:
    """Raises unless the segments of every untrimmed video lie within it. Opens those videos.

    Raises:
        InputError: a segment starts or ends behind the video's end.
        BadVideoError: a video cannot be read.
    """
    for video in videos:
        if video.is_trimmed:
            continue
        duration = source.num_frames(video.path) / source.fps(video.path)
        last = video.segments[-1]
        if last.end > duration + 1 / source.fps(video.path):
            rule = f"must have segments within the video's {duration:.2f} s; see {video.path}"
            raise InputError("data", rule, f"{last.start:g} to {last.end:g} s")


def check_rates(videos: Sequence[Timeline], fps: float, source: Source) -> None:
    """Raises unless every video has at least a stream's frame rate. Opens all videos.

    Raises:
        InputError: a video has a lower rate.
        BadVideoError: a video cannot be read.
    """
    for video in videos:
        rate = source.fps(video.path)
        if rate < fps * SLIGHTLY_LESS:
            rule = f"must have videos of at least the model's {fps:g} frames per second"
            raise InputError("data", rule, f"{rate:g} in {video.path}")
