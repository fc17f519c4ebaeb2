"""Sources of frames: video files, folders of images, and a memory cache around any of them."""

from collections.abc import Sequence
from typing import Protocol

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
