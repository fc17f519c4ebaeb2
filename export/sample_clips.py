"""Sample clips: for calibrating the ranges of activations, and for comparing files with Keras."""

import concurrent.futures
import dataclasses
import os
from collections.abc import Iterator

import numpy as np

from tsm_tf.any_spec import AnySpec, frame_shape
from tsm_tf.data.crops import eval_frame
from tsm_tf.data.listing import Listing, check_labels, check_multi_label, open_listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.synthetic.gestures import LABELS, gesture_frames
from tsm_tf.data.video import NO_CLASS_KNOWN
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class SampleClips:
    """Clips of equal length.

    Args:
        frames: RGB `uint8 [N, T, height, width, channels]`.
        labels: class of each clip, `int [N]`; None if they are unknown, or several per clip.
        source: a description for people.
    """

    frames: np.ndarray
    labels: np.ndarray | None
    source: str


def drawn_patterns(spec: AnySpec, num_clips: int, num_frames: int) -> SampleClips:
    """Returns distinct frames that need no video: changing coarse patches under fine noise."""
    rng = np.random.default_rng(0)
    height, width, channels = frame_shape(spec)
    count = num_clips * num_frames

    coarse = rng.integers(0, 200, (count, 8, 8, channels), dtype=np.uint8)
    rows, columns = (np.arange(size) * 8 // size for size in (height, width))
    fine = rng.integers(0, 56, (count, height, width, channels), dtype=np.uint8)

    frames = coarse[:, rows][:, :, columns] + fine
    frames = frames.reshape(num_clips, num_frames, height, width, channels)
    return SampleClips(frames, None, "drawn patterns")


def from_videos(
    spec: ModelSpec,
    data: Listing | str | os.PathLike,
    split: str,
    num_videos: int,
) -> SampleClips:
    """Returns the centre clips, as evaluation sees them, of videos spread evenly over a split.

    Raises:
        FileNotFoundError: no such list or video.
        InputError: the data has other classes than the model.
        BadVideoError: a broken video.
    """
    _check_rgb(spec)
    listing = open_listing(data)
    check_labels(spec, listing)

    videos = listing.videos(split)
    check_multi_label(spec, videos)
    count = min(num_videos, len(videos))
    chosen = np.linspace(0, len(videos) - 1, count).round().astype(int)
    videos = [videos[i] for i in chosen]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        clips = pool.map(lambda video: center_clip(video, spec, listing.source), videos)
        frames = np.stack(list(clips))
    labels = np.array([video.label for video in videos])
    if spec.multi_label or (labels == NO_CLASS_KNOWN).any():
        labels = None
    source = f"{len(videos)} videos from {split} in {listing.data}"
    return SampleClips(frames, labels, source)


def from_gestures(spec: ModelSpec, num_clips: int) -> SampleClips:
    """Returns rendered gestures, for calibration without videos."""
    _check_rgb(spec)
    clips = []
    for number in range(num_clips):
        frames, _ = gesture_frames(number % len(LABELS), (number,))
        indices = center_indices(len(frames), spec.num_segments)
        clips.append(np.stack([eval_frame(frame, spec) for frame in frames[indices]]))
    return SampleClips(np.stack(clips), None, f"{num_clips} rendered gestures")


def in_steps(clips: np.ndarray, frames_per_step: int) -> Iterator[np.ndarray]:
    """Yields the frames of clips side by side, some frames at a time.

    Args:
        clips: `[N, T, ...]`.
        frames_per_step: number of frames of each clip at a time.

    Returns:
        An iterator over arrays `[frames_per_step, N, ...]`. The last one repeats the last frame of
        each clip if there are too few.
    """
    num_frames = clips.shape[1]
    for first in range(0, num_frames, frames_per_step):
        times = np.minimum(np.arange(first, first + frames_per_step), num_frames - 1)
        yield clips[:, times].swapaxes(0, 1)


def _check_rgb(spec):
    if spec.modality != "rgb":
        raise InputError("data", "must be videos for a model with modality rgb", spec.modality)
