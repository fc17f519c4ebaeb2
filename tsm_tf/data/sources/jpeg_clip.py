"""`JpegClip`: JPEG frames that are decoded only where they are cropped."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tsm_tf.data.sources.bad_video import BadVideoError

_MARGIN = 16  # pixels around a crop: JPEG blocks, whose colours are interpolated across borders


class JpegClip:
    """JPEG frames that are decoded when they are cropped, like `clip[:, y : y + h, x : x + w]`.

    The pixels are exactly those of decoding whole frames and cropping them. Any other use as an
    array decodes whole frames.

    Args:
        path: names the video in errors.
        jpegs: the distinct frames.
        places: for each frame of the clip its number in `jpegs`.
        width: width of each frame.
        height: height of each frame.

    Raises:
        BadVideoError: when decoded, if a frame is not a JPEG of this size.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        path: str,
        jpegs: Sequence[bytes],
        places: np.ndarray,
        width: int,
        height: int,
    ):
        self.path, self.jpegs, self.places = path, jpegs, places
        self.width, self.height = width, height

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, height, width, channels."""
        return len(self.places), self.height, self.width, 3

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, key) -> np.ndarray:
        box = _box(key, self.height, self.width)
        return self._whole[key] if box is None else self.decode(*box)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self._whole, dtype)

    def decode(
        self,
        y: int = 0,
        x: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Decodes a box of all frames, by default the whole, to RGB `uint8 [T, height, width, 3]`.

        Raises:
            BadVideoError: a frame is not a JPEG of the expected size.
        """
        height, width = height or self.height - y, width or self.width - x
        top, left = max(0, y - _MARGIN), max(0, x - _MARGIN)
        bottom = min(self.height, y + height + _MARGIN)
        right = min(self.width, x + width + _MARGIN)
        window = [top, left, bottom - top, right - left]

        frames = np.empty((len(self.jpegs), height, width, 3), np.uint8)
        for number, jpeg in enumerate(self.jpegs):
            decoded = self._decode_frame(jpeg, window)
            frames[number] = decoded[y - top :, x - left :][:height, :width]
        if np.array_equal(self.places, np.arange(len(frames))):
            return frames
        return frames[self.places]

    @functools.cached_property
    def _whole(self):
        return self.decode()

    def _decode_frame(self, jpeg, window):
        try:
            with tf.device("CPU"):
                shape = tf.image.extract_jpeg_shape(jpeg).numpy().tolist()
                if shape[:2] != [self.height, self.width]:
                    raise BadVideoError(self.path, "a frame of another size than its index says")
                return np.asarray(
                    tf.image.decode_and_crop_jpeg(
                        jpeg,
                        window,
                        channels=3,
                        dct_method="INTEGER_ACCURATE",  # the default is faster, and up to 6 off
                    )
                )
        except tf.errors.InvalidArgumentError:
            raise BadVideoError(self.path, "a frame that is not a JPEG") from None


def _box(key, height, width):
    """Returns y, x, height and width of a spatial crop of all frames; None for another index."""
    if not isinstance(key, tuple):
        return None
    if key and key[0] is Ellipsis:
        key = (slice(None), *key[1:]) if len(key) == 4 else None
    if key is None or len(key) not in (3, 4) or not all(isinstance(k, slice) for k in key):
        return None

    frames, rows, columns, *channels = key
    (top, bottom, row), (left, right, column) = rows.indices(height), columns.indices(width)
    whole = slice(None)
    if frames != whole or any(k != whole for k in channels) or (row, column) != (1, 1):
        return None
    return (top, left, bottom - top, right - left) if top < bottom and left < right else None
