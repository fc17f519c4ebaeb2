"""Loads single clips: which frames, from where, and how they are cropped. Needs numpy only."""

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tsm_tf.data import sampling
from tsm_tf.data.augment import Augmentation
from tsm_tf.data.boxes import Boxes, Window
from tsm_tf.data.sampling_rate import clip_indices
from tsm_tf.data.segments import read_frames, stack_segments
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.data.view_loader import load_views, load_views_and_boxes
from tsm_tf.data.views import Views
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
        boxes: those of a network that takes boxes as a second input.
    """

    videos: Sequence[Video]
    spec: ModelSpec
    source: Source
    augmentation: Augmentation | None = None
    seed: int = 0
    place: Callable[[Video], str] | None = None
    boxes: Boxes | None = None

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """Shape of a clip: frames, height, width, channels."""
        spec = self.spec
        return spec.num_segments, spec.input_size, spec.input_size, spec.channels

    @property
    def boxes_shape(self) -> tuple[int, int, int] | None:
        """Shape of the boxes of a clip: time steps, boxes, 4; None without boxes."""
        return (self.spec.num_segments // 2, self.boxes.count, 4) if self.boxes else None

    def load(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Returns a clip `uint8 [T, S, S, C]`, its class, and its boxes if there are any.

        With `multi_label`, the class is `float32 [num_classes]`, with 1 for each of the classes.

        Args:
            epoch: number of the epoch, from 0.
            index: index of the video in the list.

        Raises:
            BadVideoError: the video cannot be decoded, or is gone.
        """
        video = self.videos[index]
        if self.augmentation is None:
            clip, *boxes = (views[0] for views in self.load_views(index))
            return clip, self._target(np.array(video.classes or [video.label])), *boxes
        with self._named_errors(video):
            rng = np.random.default_rng((self.seed, epoch, index))
            return self._training_clip(video, self.augmentation, rng)

    def load_views(
        self,
        index: int,
        views: Views = Views(),  # noqa: B008 (frozen)
    ) -> tuple[np.ndarray, ...]:
        """Returns views of a video of the list, by default its centre clip, and their boxes.

        See `load_views_and_boxes`.

        Raises:
            BadVideoError: the video cannot be decoded, or is gone.
        """
        video = self.videos[index]
        with self._named_errors(video):
            return load_views_and_boxes(video, self.spec, self.source, views, self.boxes)

    @contextlib.contextmanager
    def _named_errors(self, video):
        """Context manager in which a video that is gone or too short is a bad video."""
        try:
            yield
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
        moments = np.empty(0)

        def choose(num_frames):
            nonlocal moments
            length = sampling.new_length(spec.modality)
            starts = sampling.train_indices(num_frames, spec.num_segments, rng, length)
            moments = (starts + 0.5) / num_frames
            return sampling.consecutive(starts, num_frames, length)

        indices = clip_indices(video, choose, self.source, spec.sampling_rate)
        frames = read_frames(video, indices, spec, self.source)
        clip = stack_segments(frames, spec.num_segments)
        labels = np.array(video.classes or [video.label])
        height, width = clip.shape[1:3]
        crop = w, h, x, y = augmentation.choose_box(width, height, spec.input_size, rng)
        is_mirrored = augmentation.choose_mirror(labels, copy.deepcopy(rng)) is not None
        clip = clip[:, y : y + h, x : x + w]
        clip, labels = augmentation.change_crop(clip, labels, spec.input_size, rng)
        if self.boxes is None:
            return clip, self._target(labels)
        window = Window((width, height), crop, spec.input_size, is_mirrored)
        return clip, self._target(labels), self.boxes.of_clip(video, moments, window)

    def _target(self, labels):
        if self.spec.multi_label:
            return multi_hot(labels, self.spec.num_classes)
        return int(labels[0])


def multi_hot(classes: Sequence[int] | np.ndarray, num_classes: int) -> np.ndarray:
    """Returns `float32 [num_classes]` with 1 for each of some classes; negative ones are none."""
    target = np.zeros(num_classes, np.float32)
    target[[label for label in classes if label >= 0]] = 1
    return target


def center_clip(video: Video, spec: ModelSpec, source: Source) -> np.ndarray:
    """Returns the centre frame of each segment, cropped at the centre (section 5.1.1).

    Args:
        video: the video.
        spec: gives the number and the size of the frames.
        source: what frames are read from.

    Returns:
        `uint8 [num_segments, input_size, input_size, C]`: RGB, or x and y of five consecutive
        frames of optical flow.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
        InputError: the source has RGB frames for a model of optical flow, or the reverse.
    """
    return load_views(video, spec, source, Views())[0]
