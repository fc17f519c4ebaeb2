"""Sources of frames: video files, folders of images, and a memory cache around any of them."""

import os
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np


class Source(Protocol):
    """Reads frames of encoded videos; several threads may call it at once.

    Attributes:
        modality: what the frames show, `"rgb"` or `"flow"`.
    """

    @property
    def modality(self) -> str: ...

    def num_frames(self, path: str) -> int:
        """Returns the number of frames of a video.

        Raises:
            MissingFile: there is no such video.
            BadVideoError: it cannot be read.
        """
        ...

    def fps(self, path: str) -> float:
        """Returns a video's frames per second; the mean if the rate varies.

        Raises:
            MissingFile: there is no such video.
            BadVideoError: it cannot be read.
        """
        ...

    def times(self, path: str) -> np.ndarray:
        """Returns when each frame of a video is shown, in seconds after the first one.

        Returns:
            `float64 [num_frames]`, never decreasing.

        Raises:
            MissingFile: there is no such video.
            BadVideoError: it cannot be read.
        """
        ...

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = "bilinear",
    ) -> np.ndarray:
        """Returns frames of a video, resized.

        Args:
            path: an absolute path or a URI, as in `Video.path`.
            indices: frame numbers from 0, in any order, with or without repetitions.
            short_side: pixels of the shorter side after resizing; None keeps the size.
            interpolation: the resize filter, as in `ModelSpec.interpolation`.

        Returns:
            RGB `uint8 [len(indices), H, W, 3]`, or optical flow `uint8 [len(indices), H, W, 2]`:
            x and y, with 128 as zero.

        Raises:
            MissingFile: there is no such video.
            BadVideoError: it cannot be read, or has too few frames.
        """
        ...


@runtime_checkable
class CropSource(Source, Protocol):
    """A source that can leave pixels undecoded that a crop throws away."""

    def read_for_crop(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = "bilinear",
    ) -> np.ndarray:
        """Returns frames as `read` does, or an object that stands for them.

        The object has the attributes `shape` and `dtype` of the array. It decodes the pixels when
        it is cropped, like `frames[:, y : y + h, x : x + w]`, or used as an array otherwise.
        """
        ...


def read_for_crop(
    source: Source,
    path: str,
    indices: Sequence[int],
    short_side: int | None,
    interpolation: str = "bilinear",
) -> np.ndarray:
    """Returns frames of which only a crop is needed; see `CropSource.read_for_crop`."""
    if isinstance(source, CropSource):
        return source.read_for_crop(path, indices, short_side, interpolation)
    return source.read(path, indices, short_side, interpolation)


def parallel_reads(source: Source) -> int:
    """Returns how many clips to load at once.

    That is one per processor, or more if a source says in its attribute `parallel_reads` that it
    waits for a network.
    """
    return max(os.cpu_count() or 1, getattr(source, "parallel_reads", 1))
