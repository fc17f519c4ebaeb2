"""Loads the windows of `tsm_tf.data.windows`: decodes, crops and mirrors each of their pieces."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tsm_tf.data.augment import Augmentation
from tsm_tf.data.crops import center_crop
from tsm_tf.data.sampling_rate import frames_at
from tsm_tf.data.sources import Source, read_for_crop
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.timeline import NO_CLASS, SLIGHTLY_LESS, Timeline, classes_at
from tsm_tf.data.windows import Piece, Videos, frame_weights, plan_window
from tsm_tf.spec import ModelSpec


class Window(NamedTuple):
    """Frames of a stream.

    Attributes:
        frames: RGB `uint8 [T, S, S, 3]`.
        labels: class of each frame, `int32 [T]`.
        weights: weight of each frame in the loss, `float32 [T]`.
    """

    frames: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


@dataclasses.dataclass(frozen=True)
class WindowLoader:
    """Loads windows; several threads may call it at once.

    Args:
        timelines: the videos.
        spec: gives the size of the frames and the background classes.
        sampling: how windows are made.
        source: what frames are read from.
        augmentation: random crop and flip of each piece; None crops the centre.
        seed: the source of all random choices, with the epoch and the window's number.
    """

    timelines: Sequence[Timeline]
    spec: ModelSpec
    sampling: StreamSampling
    source: Source
    augmentation: Augmentation | None = None
    seed: int = 0
    videos: Videos = dataclasses.field(init=False)

    def __post_init__(self):
        videos = Videos.of(self.timelines, self.spec.background_classes)
        object.__setattr__(self, "videos", videos)

    @property
    def _between(self):
        """Class of frames outside all segments."""
        background = self.spec.background_classes
        return background[0] if background else NO_CLASS

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Shape of a window: frames, height, width, channels."""
        spec = self.spec
        return self.sampling.window, spec.input_size, spec.input_size, spec.channels

    def load(self, epoch: int, index: int) -> Window:
        """Returns a window.

        Args:
            epoch: number of the epoch, from 0.
            index: number of the window in the epoch.

        Raises:
            BadVideoError: a video cannot be decoded, is gone, or has too low a rate.
        """
        rng = np.random.default_rng((self.seed, epoch, index))
        pieces = plan_window(self.videos, self._duration, self.sampling, rng)
        loaded = [self._load_piece(piece, rng) for piece in pieces]
        return Window(*(np.concatenate(parts) for parts in zip(*loaded, strict=True)))

    def _duration(self, video):
        path = self.timelines[video].path
        try:
            fps = self.source.fps(path)
            if fps < self.sampling.fps * SLIGHTLY_LESS:
                reason = f"{fps:g} frames per second, and the stream has {self.sampling.fps:g}"
                raise BadVideoError(path, reason)
            return self.source.num_frames(path) / fps
        except FileNotFoundError:  # it existed when the list was read
            raise BadVideoError(path, "the file is gone") from None

    def _load_piece(self, piece: Piece, rng: np.random.Generator) -> Window:
        spec, timeline = self.spec, self.timelines[piece.video]
        duration = self._duration(piece.video)
        times = piece.times(self.sampling.fps)
        classes = classes_at(timeline, times, duration, self._between)
        weights = frame_weights(piece, classes, spec.background_classes, self.sampling)

        indices = frames_at(timeline.path, times, self.source, spec.sampling_rate)
        frames = read_for_crop(
            self.source, timeline.path, indices.tolist(), spec.short_side, spec.interpolation
        )

        frames, labels = self._augment(frames, classes.labels, rng)
        return Window(frames, labels.clip(0).astype(np.int32), weights)

    def _augment(self, frames, labels, rng):
        if self.augmentation is None:
            return np.ascontiguousarray(center_crop(frames, self.spec.input_size)), labels
        return self.augmentation.apply_to_stream(frames, labels, self.spec.input_size, rng)
