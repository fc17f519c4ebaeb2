"""Folders of optical flow: grey images of x and y, or images with x in red and y in green.

The published ways of naming them are in `tsm_tf.data.sources.frame_names`.
"""

import os
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.frame_folder import DEFAULT_FPS, FrameFolders, decode_image
from tsm_tf.data.sources.frame_names import FrameNames, NumberedImages, find_frame_names

_BLANK = 10
"""Largest standard deviation of a channel without content, after JPEG compression."""


class FlowFolders(FrameFolders):
    """Source of folders of optical flow; its frames are `uint8 [H, W, 2]`.

    In a folder with grey images of x and y, other images, such as the RGB frames, are ignored.

    Args:
        frames_per_second: the rate of all folders; images have no times.
        roots: see `find_frame_names`.
    """

    modality = "flow"

    def __init__(self, frames_per_second: float = DEFAULT_FPS, roots: Sequence[str] = ()):
        super().__init__(frames_per_second, roots)
        self._flows: dict[str, FrameNames] = {}

    def _decode(self, path, index) -> np.ndarray:
        names = self._flow_names(path)
        if names.x is None or names.y is None:
            return decode_image(os.path.join(path, self._images(path).name(index)), path)[..., :2]

        x, y = (
            decode_image(os.path.join(path, images.name(index)), path, cv2.IMREAD_GRAYSCALE)
            for images in (names.x, names.y)
        )
        if x.shape != y.shape:
            raise BadVideoError(path, f"x and y of different sizes in frame {index}")
        return np.stack([x, y], axis=-1)

    def _images(self, path) -> NumberedImages:
        names = self._flow_names(path)
        images = names.x or names.images
        assert images
        return images

    def _flow_names(self, path) -> FrameNames:
        """Returns the names of a folder's images, and remembers them."""
        if path not in self._flows:
            self._flows[path] = find_frame_names(path, self.roots)
        return self._flows[path]


def shows_flow(path: str, roots: Sequence[str] = ()) -> bool | None:
    """Returns whether a folder of images shows optical flow; None if it may show both.

    Names of x and y tell. An image with content in the blue channel is not optical flow.

    Raises:
        MissingFile: there is no such folder.
        BadVideoError: it has no numbered images, or the first one cannot be decoded.
    """
    names = find_frame_names(path, roots)
    if names.images is None:
        return True
    if names.x is not None:
        return None

    image = decode_image(os.path.join(path, names.images.name(0)), path)
    red, green, blue = (float(image[..., channel].std()) for channel in range(3))
    return False if blue > _BLANK and blue > max(red, green) / 2 else None
