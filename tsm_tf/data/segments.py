"""Reads the frames of clips, and stacks those of each segment. Needs numpy only."""

import numpy as np

from tsm_tf.data.modality import check_modality
from tsm_tf.data.sources import Source, read_for_crop
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


def read_frames(
    video: Video,
    indices: np.ndarray,
    spec: ModelSpec,
    source: Source,
    is_cropped_once: bool = True,
) -> np.ndarray:
    """Reads frames of a video at the size from which a model's input is cropped.

    Args:
        video: the video.
        indices: frame numbers from 0, `int64 [n]`.
        spec: gives the size, the filter and the modality.
        source: what frames are read from.
        is_cropped_once: whether pixels outside the first crop may stay undecoded.

    Returns:
        `uint8 [n, H, W, C]`, or an object that stands for it; see `CropSource`.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
        InputError: the source has RGB frames for a model of optical flow, or the reverse.
    """
    check_modality(spec.modality, source.modality)
    chosen, side, interpolation = indices.tolist(), spec.short_side, spec.interpolation
    if is_cropped_once:
        frames = read_for_crop(source, video.path, chosen, side, interpolation)
    else:
        frames = source.read(video.path, chosen, side, interpolation)
    if frames.dtype != np.uint8:
        raise InputError("source", "must return frames of uint8, from 0 to 255", frames.dtype.name)
    return frames


def stack_segments(frames: np.ndarray, num_segments: int) -> np.ndarray:
    """Stacks the consecutive frames of each segment as channels.

    Args:
        frames: `[num_segments * n, H, W, C]`.
        num_segments: frames per clip.

    Returns:
        `[num_segments, H, W, n * C]`: all channels of a segment's first frame, then of its second.
    """
    if len(frames) == num_segments:
        return frames
    segments = frames.reshape(num_segments, -1, *frames.shape[1:])  # [T, 5, H, W, 2]
    stacked = segments.transpose(0, 2, 3, 1, 4)
    return stacked.reshape(*stacked.shape[:3], -1)
