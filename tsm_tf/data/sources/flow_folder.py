"""Folders of optical flow: grey images of x and y, or images with x in red and y in green.

The published ways of naming them are in `tsm_tf.data.sources.frame_names`.
"""

import os
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.frame_folder import (
    DEFAULT_FPS,
    FrameFolders,
    decode_image,
    decode_image_bytes,
    read_image,
)
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

    def stored_images(self, path: str, index: int) -> dict[str, bytes]:
        """Returns the content of the images of a frame by name: of x and y, or of one with both.

        Args:
            path: the folder.
            index: number of the frame, from 0.

        Raises:
            MissingFile: there is no such image.
            BadVideoError: an image cannot be read.
        """
        names = self._flow_names(path)
        images = [names.x, names.y] if names.x and names.y else [self._images(path)]
        files = [sequence.name(index) for sequence in images]
        return {name: read_image(os.path.join(path, name), path) for name in files}

    def _decode(self, path, index) -> np.ndarray:
        return decode_flow(self.stored_images(path, index), path)

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


def decode_flow(images: Mapping[str, bytes], video: str) -> np.ndarray:
    """Decodes a frame of optical flow.

    Args:
        images: the content of the images by name: grey ones of x and y, or one image with x in
            red and y in green.
        video: the folder, for errors.

    Returns:
        `uint8 [H, W, 2]`.

    Raises:
        BadVideoError: an image is damaged or too large, or x and y have different sizes.
    """
    if len(images) == 1:
        ((name, content),) = images.items()
        return decode_image_bytes(content, name, video)[..., :2]

    x, y = (
        decode_image_bytes(content, name, video, cv2.IMREAD_GRAYSCALE)
        for name, content in images.items()
    )
    if x.shape != y.shape:
        raise BadVideoError(video, f"x and y of different sizes: {', '.join(images)}")
    return np.stack([x, y], axis=-1)


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
