"""Folders of images, one per video: decodes only the requested images, to upright RGB.

Images are resized as the frames of video files are, so that a model sees the same pixels.
"""

import os
import stat
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_tf.data.resize import BILINEAR, resize_short_side
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError
from tsm_tf.data.sources.frame_names import NumberedImages, find_frame_names
from tsm_tf.data.sources.image_size import image_size
from tsm_tf.data.sources.video_file import MAX_ASPECT_RATIO
from tsm_tf.errors import InputError, MissingFile

DEFAULT_FPS = 25.0
"""Frames per second of folders of which the data do not say it."""

MAX_IMAGE_BYTES = 64 << 20
MAX_PIXELS = 1 << 26
"""Pixels of an image, which take 192 MiB in memory."""


class FrameFolders:
    """Source of folders of JPEG or PNG images.

    Args:
        frames_per_second: the rate of all folders; images have no times.
        roots: see `find_frame_names`.
    """

    modality = "rgb"

    def __init__(self, frames_per_second: float = DEFAULT_FPS, roots: Sequence[str] = ()):
        self.frames_per_second, self.roots = frames_per_second, tuple(roots)
        self._names: dict[str, NumberedImages] = {}

    def num_frames(self, path: str) -> int:
        """Counts the images of a folder."""
        return self._images(path).count

    def fps(self, path: str) -> float:
        """Returns the frames per second that were given for all folders."""
        self._images(path)  # raises as other sources do
        return self.frames_per_second

    def times(self, path: str) -> np.ndarray:
        """Returns the times of a folder's images, `float64 [num_frames]`."""
        return np.arange(self.num_frames(path)) / self.frames_per_second

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None = None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Decodes images of a folder; see `Source.read`. A short side of None keeps the size."""
        indices = [int(i) for i in indices]
        if not indices or min(indices) < 0:
            raise InputError("indices", "must be frame numbers from 0, at least one", indices)

        count, last = self._images(path).count, max(indices)
        if last >= count:
            raise TooFewFramesError(path, last, count)

        found = {}
        for index in sorted(set(indices)):
            frame = self._decode(path, index)
            if short_side:
                frame = resize_short_side(frame, short_side, interpolation)
            found[index] = frame
        if len({frame.shape for frame in found.values()}) > 1:
            raise BadVideoError(path, "frames of several sizes")
        return np.stack([found[i] for i in indices])

    def _decode(self, path, index) -> np.ndarray:
        return decode_image(os.path.join(path, self._images(path).name(index)), path)

    def _images(self, path) -> NumberedImages:
        """Returns the names of a folder's images, and remembers them."""
        if path not in self._names:
            images = find_frame_names(path, self.roots).images
            if images is None:
                raise BadVideoError(path, "optical flow only, no images")
            self._names[path] = images
        return self._names[path]


def decode_image(path: str, video: str) -> np.ndarray:
    """Decodes one file; see `decode_image_bytes`.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: it is not an image, or is too large.
    """
    return decode_image_bytes(read_image(path, video), os.path.basename(path), video)


def decode_image_bytes(
    content: bytes,
    name: str,
    video: str,
    flags: int = cv2.IMREAD_COLOR,
) -> np.ndarray:
    """Decodes one JPEG or PNG image.

    Args:
        content: the image.
        name: its name, for errors.
        video: its folder, for errors.
        flags: an argument of `cv2.imdecode`; `IMREAD_GRAYSCALE` returns `[H, W]`.

    Returns:
        RGB `uint8 [H, W, 3]`, upright as its EXIF orientation says.

    Raises:
        BadVideoError: it is not such an image, is cut off or damaged, or is too large.
    """
    size = image_size(content)
    if size is None:
        raise BadVideoError(video, f"{name} is cut off, or not a JPEG or PNG image")
    width, height = size
    if width * height > MAX_PIXELS:
        reason = f"{name} has {width}x{height} pixels, of which {MAX_PIXELS:,} are allowed"
        raise BadVideoError(video, reason)
    if max(size) > MAX_ASPECT_RATIO * min(size):
        rule = f"not with one side at most {MAX_ASPECT_RATIO} times the other"
        raise BadVideoError(video, f"{name} has {width}x{height} pixels, {rule}")

    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        image = None
    if image is None:
        raise BadVideoError(video, f"{name} is damaged")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if image.ndim == 3 else image


def read_image(path: str, video: str) -> bytes:
    """Returns the bytes of an image; never waits for a FIFO.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: it is not a file of at most `MAX_IMAGE_BYTES`, or cannot be read.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_IMAGE_BYTES:
                reason = f"{os.path.basename(path)} is not a file of at most"
                raise BadVideoError(video, f"{reason} {MAX_IMAGE_BYTES >> 20} MiB")
            return file.read(MAX_IMAGE_BYTES)
    except FileNotFoundError:
        raise MissingFile("video", "must have all its images", path) from None
    except OSError as error:
        raise BadVideoError(video, f"{os.path.basename(path)}: {error.strerror}") from None


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
