"""Streams of real frames: what ranges are calibrated on, and what files are proven on."""

import concurrent.futures
import dataclasses
import os
import pathlib

import numpy as np

from tsm_tf.data.crops import eval_frame
from tsm_tf.data.listing import Listing, check_labels
from tsm_tf.data.loader import center_clip
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.synthetic.gestures import LABELS, gesture_frames
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class Streams:
    """Streams of equal length.

    Args:
        frames: RGB `uint8 [N, T, input_size, input_size, channels]`, each stream from its own start.
        labels: class of each, `int [N]`, or None.
        source: what they are, for people.
    """

    frames: np.ndarray
    labels: np.ndarray | None
    source: str


def patterns(spec: ModelSpec, num_streams: int = 1, num_frames: int = 32) -> Streams:
    """Returns distinct frames that need no video: moving coarse patches under fine noise."""
    rng = np.random.default_rng(0)
    size, channels, count = spec.input_size, spec.channels, num_streams * num_frames
    coarse = rng.integers(0, 200, (count, 8, 8, channels), dtype=np.uint8)
    rows = np.arange(size) * 8 // size
    fine = rng.integers(0, 56, (count, size, size, channels), dtype=np.uint8)
    frames = coarse[:, rows][:, :, rows] + fine
    return Streams(
        frames.reshape(num_streams, num_frames, size, size, channels), None, "drawn patterns"
    )


def from_videos(
    spec: ModelSpec, data_dir: str | os.PathLike, split: str, num_videos: int
) -> Streams:
    """Returns the centre clips of videos spread evenly over a list file, as evaluation takes them.

    Raises:
        FileNotFoundError, InputError, BadVideoError: no such list, other classes than the model's, a broken video.
    """
    _check_rgb(spec)
    listing = Listing(data_dir)
    check_labels(spec, listing)
    videos = listing.videos(split)
    videos = [
        videos[i]
        for i in np.linspace(0, len(videos) - 1, min(num_videos, len(videos))).round().astype(int)
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        frames = np.stack(list(pool.map(lambda video: center_clip(video, spec), videos)))
    labels = np.array([video.label for video in videos])
    return Streams(frames, labels, f"{len(videos)} videos of {pathlib.Path(data_dir) / split}.txt")


def from_gestures(spec: ModelSpec, num_clips: int) -> Streams:
    """Returns rendered gestures, for somebody who has no videos at hand."""
    _check_rgb(spec)
    clips = []
    for number in range(num_clips):
        frames, _ = gesture_frames(number % len(LABELS), (number,))
        indices = center_indices(len(frames), spec.num_segments)
        clips.append(np.stack([eval_frame(frame, spec) for frame in frames[indices]]))
    return Streams(np.stack(clips), None, f"{num_clips} rendered gestures")


def _check_rgb(spec):
    if spec.modality != "rgb":
        raise InputError("data", "must be videos, and the model's modality rgb", spec.modality)
