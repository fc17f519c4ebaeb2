"""Which frames of a video make a clip: the official code's rules, with indices from 0.

`num_frames` is the length of the video, and `new_length` the number of consecutive frames per
segment (5 for optical flow).
"""

import numpy as np

DENSE_WINDOW = 64
"""Frames over which a dense clip is spread (section 5.1.1)."""

DENSE_CLIPS = 10
"""Dense clips per video in the paper."""

FLOW_LENGTH = 5
"""Consecutive frames of optical flow per segment, as in the original."""


def new_length(modality: str) -> int:
    """Returns the number of consecutive frames per segment for a modality of `ModelSpec`."""
    return FLOW_LENGTH if modality == "flow" else 1


def train_indices(
    num_frames: int,
    num_segments: int,
    rng: np.random.Generator,
    new_length: int = 1,
) -> np.ndarray:
    """Returns a random frame from each of `num_segments` equal segments.

    A video that is only a little longer than the clip gives random frames in order. A shorter one
    repeats its first frame.

    Returns:
        `int64 [num_segments]`, ascending.
    """
    last = num_frames - new_length + 1
    segment = last // num_segments

    if segment > 0:
        return np.arange(num_segments) * segment + rng.integers(segment, size=num_segments)
    if num_frames > num_segments and last > 0:
        return np.sort(rng.integers(last, size=num_segments))
    return np.zeros(num_segments, np.int64)


def val_indices(num_frames: int, num_segments: int, new_length: int = 1) -> np.ndarray:
    """Returns the segments' centres as in the official validation.

    A video that is shorter than the clip repeats its first frame.
    """
    if num_frames > num_segments + new_length - 1:
        return center_indices(num_frames, num_segments, new_length)
    return np.zeros(num_segments, np.int64)


def center_indices(num_frames: int, num_segments: int, new_length: int = 1) -> np.ndarray:
    """Returns the segments' centres as in the official testing.

    A video that is shorter than the clip repeats frames along its whole length.
    """
    tick = (num_frames - new_length + 1) / num_segments
    return (tick / 2 + tick * np.arange(num_segments)).astype(np.int64)


def consecutive(starts: np.ndarray, num_frames: int, new_length: int) -> np.ndarray:
    """Returns the frames of each segment in a row, `new_length` from each start on.

    At the end of the video, the last frame is repeated.

    Returns:
        `int64 [len(starts) * new_length]`.
    """
    indices = starts[:, None] + np.arange(new_length)
    return np.clip(indices, 0, num_frames - 1).ravel()


def twice_indices(num_frames: int, num_segments: int, new_length: int = 1) -> np.ndarray:
    """Returns two clips in a row: the segments' centres, then their starts (section 5.1.1)."""
    tick = (num_frames - new_length + 1) / num_segments
    starts = (tick * np.arange(num_segments)).astype(np.int64)
    return np.concatenate([center_indices(num_frames, num_segments, new_length), starts])


def dense_indices(
    num_frames: int,
    num_segments: int,
    num_clips: int = DENSE_CLIPS,
) -> np.ndarray:
    """Returns clips in a row, each spread over 64 frames (the Kinetics protocol, 5.1.1).

    The first clip begins at the start of the video, and the last one ends at its end. A video of
    fewer than 64 frames is repeated.
    """
    last = max(0, num_frames - DENSE_WINDOW)
    starts = np.linspace(0, last, num_clips, dtype=np.int64)
    stride = DENSE_WINDOW // num_segments
    return ((starts[:, None] + stride * np.arange(num_segments)) % num_frames).ravel()
