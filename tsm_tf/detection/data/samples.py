"""Which frames a training sample has. All random choices come from the caller's generator."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from tsm_tf.detection.data.annotated import AnnotatedVideo


@dataclasses.dataclass(frozen=True)
class Sample:
    """Where a training sample comes from.

    Args:
        video: index of the video in its list.
        key_frame: a frame that the sample contains; None for any.
    """

    video: int
    key_frame: int | None = None


def list_samples(videos: Sequence[AnnotatedVideo]) -> list[Sample]:
    """Returns one sample per key frame, and one per video without them."""
    samples = []
    for index, video in enumerate(videos):
        keys = (None,) if video.key_frames is None else video.key_frames
        samples += [Sample(index, key) for key in keys]
    return samples


def random_window(
    rng: np.random.Generator,
    num_frames: int,
    key_frame: int | None,
    length: int,
    stride: int = 1,
) -> np.ndarray:
    """Draws frames at equal distances; the key frame is one of them.

    Args:
        rng: decides where the window starts.
        num_frames: length of the video.
        key_frame: a frame of the window, or None.
        length: number of frames, T in the paper.
        stride: distance of neighbours.

    Returns:
        `int64 [length]`. If the video is shorter, the first or last frame is repeated, so a still
        image gives equal frames.
    """
    span = stride * (length - 1) + 1
    last_start = num_frames - span
    if key_frame is None:
        start = rng.integers(0, last_start, endpoint=True) if last_start > 0 else 0
        return _at(start, num_frames, length, stride)

    starts = key_frame - stride * np.arange(length)
    inside = starts[(starts >= 0) & (starts <= last_start)]
    return _at(rng.choice(inside if len(inside) else starts), num_frames, length, stride)


def middle_window(num_frames: int, length: int, stride: int = 1) -> np.ndarray:
    """Returns the window in the middle of a video, `int64 [length]`; see `random_window`."""
    start = max(0, (num_frames - stride * (length - 1) - 1) // 2)
    return _at(start, num_frames, length, stride)


def random_neighbors(
    rng: np.random.Generator,
    num_frames: int,
    key_frame: int | None,
    max_offset: int,
) -> np.ndarray:
    """Draws a frame and two others near it, as FGFA trains.

    The two offsets differ and are in `-max_offset..max_offset`; one may be 0. Outside of the video,
    the first or last frame stands in.

    Returns:
        `int64 [3]`: the key frame, or any, and then the two others.
    """
    key = rng.integers(num_frames) if key_frame is None else key_frame
    offsets = rng.choice(2 * max_offset + 1, 2, replace=False) - max_offset
    return np.clip(key + np.array([0, *offsets]), 0, num_frames - 1)


def middle_neighbors(num_frames: int, max_offset: int) -> np.ndarray:
    """Returns the middle frame and those at half the largest offset around it, `int64 [3]`."""
    offset = max(1, max_offset // 2)
    return np.clip(num_frames // 2 + np.array([0, -offset, offset]), 0, num_frames - 1)


def _at(start, num_frames, length, stride):
    return np.clip(start + stride * np.arange(length), 0, num_frames - 1)
