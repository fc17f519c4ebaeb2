"""Loads single clips: which frames, from where, and how they are cropped. Needs numpy only."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tsm_tf.data import sampling
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.crops import center_crop
from tsm_tf.data.sampling_rate import clip_indices
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec


@dataclasses.dataclass(frozen=True)
class ClipLoader:
    """Loads the clips of a list; several threads may call it at once.

    Args:
        videos: the list.
        spec: gives the number and the size of the frames.
        source: what frames are read from.
        augmentation: for training clips; None loads the centre clips of evaluation.
        seed: the source of all random choices, with the epoch and the video's index.
        place: returns where a video is listed, for errors; see `Listing.place`.
    """

    videos: Sequence[Video]
    spec: ModelSpec
    source: Source
    augmentation: Augmentation | None = None
    seed: int = 0
    place: Callable[[Video], str] | None = None

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip: frames, height, width, channels."""
        spec = self.spec
        return spec.num_segments, spec.input_size, spec.input_size, spec.channels

    def load(self, epoch: int, index: int) -> tuple[np.ndarray, int]:
        """Returns a clip `uint8 [T, S, S, 3]` and its class.

        Args:
            epoch: number of the epoch, from 0.
            index: index of the video in the list.

        Raises:
            BadVideoError: the video cannot be decoded, or is gone.
        """
        video = self.videos[index]
        try:
            if self.augmentation is None:
                return center_clip(video, self.spec, self.source), video.label
            rng = np.random.default_rng((self.seed, epoch, index))
            return self._training_clip(video, self.augmentation, rng)
        except FileNotFoundError:  # it existed when the list was read
            raise BadVideoError(video.path, "the file is gone") from None
        except TooFewFramesError as error:
            raise self._explain(video, error) from None

    def _explain(self, video, error):
        """Returns the error for a number of frames in a list that is too large."""
        if video.num_frames == UNKNOWN_FRAMES:
            return error
        listed = self.place(video) if self.place else "the list"
        return BadVideoError(
            video.path,
            f"{listed} says {video.num_frames} frames, of which {error.num_frames} can be decoded; "
            "correct the number there, or write -1 to have the frames counted",
        )

    def _training_clip(self, video, augmentation, rng):
        spec = self.spec

        def choose(num_frames):
            return sampling.train_indices(num_frames, spec.num_segments, rng)

        indices = clip_indices(video, choose, self.source, spec.sampling_rate)
        clip = _read(video, indices, spec, self.source)
        return augmentation.apply(clip, video.label, spec.input_size, rng)


def center_clip(video: Video, spec: ModelSpec, source: Source) -> np.ndarray:
    """Returns the centre frame of each segment, cropped at the centre (section 5.1.1).

    Args:
        video: the video.
        spec: gives the number and the size of the frames.
        source: what frames are read from.

    Returns:
        RGB `uint8 [num_segments, input_size, input_size, 3]`.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
    """

    def choose(num_frames):
        return sampling.center_indices(num_frames, spec.num_segments)

    indices = clip_indices(video, choose, source, spec.sampling_rate)
    clip = _read(video, indices, spec, source)
    return np.ascontiguousarray(center_crop(clip, spec.input_size))


def _read(video, indices, spec, source):
    frames = source.read(video.path, indices, spec.short_side, spec.interpolation)
    if frames.dtype != np.uint8:
        raise InputError("source", "must return frames of uint8, from 0 to 255", frames.dtype.name)
    return frames
