"""Loads single samples of annotated frames: pictures and boxes, fitted into a detector's input."""

import dataclasses
import threading
from collections.abc import Sequence

import numpy as np

from tsm_tf.detection.data.annotated import AnnotatedFrame, AnnotatedVideo
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.data.picture import BadFrameError, read_picture
from tsm_tf.detection.data.samples import (
    Sample,
    middle_neighbors,
    middle_window,
    random_neighbors,
    random_window,
)
from tsm_tf.detector_spec import FGFA, DetectorSpec
from tsm_tf.errors import InputError

NO_CLASS = -1
"""Class of a padded box."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How samples are made.

    Args:
        training: random windows and flips; otherwise, the middle of each video.
        seed: the source of all random choices, with the epoch and the sample's index.
        stride: distance of neighbouring frames in a window.
        max_offset: distance of FGFA's other frames, at most.
        max_boxes: boxes per frame, M. If a frame has more, the largest are kept.
    """

    training: bool
    seed: int = 0
    stride: int = 1
    max_offset: int = 9
    max_boxes: int = 32


class SampleLoader:
    """Loads the samples of a list; several threads may call it at once.

    Args:
        videos: the list.
        samples: what to load from it.
        spec: gives the number and the size of the frames.
        sampling: how samples are made.
        cache_bytes: memory for fitted frames. Videos are kept until it is full.
    """

    def __init__(
        self,
        videos: Sequence[AnnotatedVideo],
        samples: Sequence[Sample],
        spec: DetectorSpec,
        sampling: Sampling,
        cache_bytes: int,
    ):
        self.videos, self.samples = videos, samples
        self.spec, self.sampling = spec, sampling
        self._cache = _FrameCache(cache_bytes)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        return self.spec.input_height, self.spec.input_width

    def load(self, epoch: int, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns a sample: clip `uint8 [T, H, W, 3]`, boxes `float32 [D, M, 4]`, classes.

        D is T, or 1 for FGFA: the current frame, which is the first of the clip. Boxes are x1, y1,
        x2, y2 in pixels of the input, half-open. Classes are `int32 [D, M]`, -1 for the padding.

        Raises:
            BadFrameError: a bad picture, or a bad annotation with its file and line.
        """
        sample = self.samples[index]
        rng = np.random.default_rng((self.sampling.seed, epoch, index))
        places = self._places(rng, sample)
        is_mirrored = self.sampling.training and rng.random() < 0.5

        clip = np.empty((self.spec.num_segments, *self.size, 3), np.uint8)
        boxes = np.zeros((self.spec.num_segments, self.sampling.max_boxes, 4), np.float32)
        classes = np.full(boxes.shape[:2], NO_CLASS, np.int32)
        for t, place in enumerate(places):
            frame = self._fitted(sample.video, int(place))
            frame = mirror(frame) if is_mirrored else frame
            kept = _largest(frame.boxes, self.sampling.max_boxes)
            clip[t] = frame.pixels
            boxes[t, : len(kept)] = frame.boxes[kept]
            classes[t, : len(kept)] = frame.classes[kept]
        return clip, boxes[: self.spec.num_detected], classes[: self.spec.num_detected]

    def _places(self, rng, sample):
        """Returns the frames of a sample, as indices into its video."""
        sampling, count = self.sampling, len(self.videos[sample.video].frames)
        if self.spec.method == FGFA:
            if not sampling.training:
                return middle_neighbors(count, sampling.max_offset)
            return random_neighbors(rng, count, sample.key_frame, sampling.max_offset)
        if not sampling.training:
            return middle_window(count, self.spec.num_segments, sampling.stride)
        return random_window(rng, count, sample.key_frame, self.spec.num_segments, sampling.stride)

    def _fitted(self, video, place):
        key = video, place
        frame = self._cache.get(key)
        if frame is None:
            try:
                frame = load_frame(self.videos[video].frames[place], self.size)
            except InputError as error:
                raise BadFrameError(f"{self.videos[video].name}, frame {place}", error) from None
            self._cache.put(key, frame)
        return frame


@dataclasses.dataclass(frozen=True, eq=False)
class FittedFrame:
    """A frame as the input of a detector.

    Args:
        pixels: RGB `uint8 [H, W, 3]`.
        width: columns that show the picture; the others are padding.
        boxes: `float32 [M, 4]`, half-open, in pixels of the input.
        classes: `int32 [M]`.
    """

    pixels: np.ndarray
    width: int
    boxes: np.ndarray
    classes: np.ndarray


def load_frame(frame: AnnotatedFrame, size: tuple[int, int]) -> FittedFrame:
    """Loads an annotated frame and fits it into a height and width.

    Raises:
        InputError: see `read_picture`.
    """
    pixels, scale = fit_frame(read_picture(frame), size)
    width = min(size[1], max(1, round(frame.width * scale)))
    return FittedFrame(pixels, width, (frame.boxes * scale).astype(np.float32), frame.classes)


def mirror(frame: FittedFrame) -> FittedFrame:
    """Returns a frame with left and right exchanged; the padding stays at the right."""
    pixels = frame.pixels.copy()
    pixels[:, : frame.width] = frame.pixels[:, : frame.width][:, ::-1]
    boxes = frame.boxes.copy()
    boxes[:, 0] = frame.width - frame.boxes[:, 2]
    boxes[:, 2] = frame.width - frame.boxes[:, 0]
    return dataclasses.replace(frame, pixels=pixels, boxes=boxes)


def _largest(boxes, most):
    """Returns the indices of the largest boxes, in their order."""
    if len(boxes) <= most:
        return np.arange(len(boxes))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.sort(np.argsort(-areas, kind="stable")[:most])


class _FrameCache:
    """Keeps fitted frames until its memory is full.

    Nothing is evicted: every epoch requests all videos, so no frame is a better choice than
    another.
    """

    def __init__(self, num_bytes):
        self._bytes_left = num_bytes
        self._frames: dict[tuple[int, int], FittedFrame] = {}
        self._lock = threading.Lock()

    def get(self, key):
        return self._frames.get(key)

    def put(self, key, frame):
        with self._lock:
            if key not in self._frames and frame.pixels.nbytes <= self._bytes_left:
                self._bytes_left -= frame.pixels.nbytes
                self._frames[key] = frame
