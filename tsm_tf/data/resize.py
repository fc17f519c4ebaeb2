"""How frames are resized and converted: one filter for files, cameras and arrays.

The filter is antialiased bilinear interpolation, as in PIL's and FFmpeg's `BILINEAR` and the
official code's `GroupScale`. FFmpeg's swscale does the work. Along each axis, with n samples in
and m samples out:

    scale        = n / m
    support      = max(1, scale)                         wider than 1 only when shrinking
    center(i)    = (i + 0.5) * scale - 0.5
    weight(i, j) = max(0, 1 - abs(j - center(i)) / support), divided by its sum over all integers j

A sample j outside of 0..n-1 counts as the nearest sample inside (PIL leaves it out). Rows are
filtered first, then columns. The result is rounded once, at the end: floor(x + 0.5), limited to
0..255. Each channel is filtered by itself. swscale agrees within one level; only in the first row
and column it may differ by more.
"""

import struct
import threading

import av
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import Interpolation, VideoReformatter

from tsm_tf.errors import InputError

BILINEAR = "bilinear"
_UPRIGHT = 1, 0, 0, 1  # a display matrix
_DISPLAY_MATRIX = Type.DISPLAYMATRIX
_FILTERS = {BILINEAR: Interpolation.BILINEAR}
# Without these, swscale's RGB is up to 2 levels too dark.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


class Resizer:
    """Converts and resizes frames; keeps swscale's tables, so use one per thread.

    Args:
        interpolation: the filter; `"bilinear"`.

    Raises:
        InputError: an unknown filter.
    """

    def __init__(self, interpolation: str = BILINEAR):
        if interpolation not in _FILTERS:
            raise InputError(
                "interpolation",
                f"must be one of {', '.join(_FILTERS)}",
                interpolation,
            )
        self._filter = _FILTERS[interpolation] | _EXACT
        # One each, since a reformatter keeps the tables of one conversion only.
        self._converter, self._scaler = VideoReformatter(), VideoReformatter()

    def to_rgb(
        self,
        frame: av.VideoFrame,
        short_side: int | None = None,
        out: np.ndarray | None = None,
    ) -> np.ndarray:
        """Converts a decoded frame to upright RGB, then resizes it.

        swscale could do both in one pass. But that would resize the YUV samples, and a model would
        see other values in a file than in the frames of a camera, which arrive as RGB.

        Args:
            frame: a frame in any pixel format.
            short_side: pixels of the shorter side; None keeps the size.
            out: where to write the result, if it has this shape and is contiguous.

        Returns:
            `uint8 [H, W, 3]`, rotated and mirrored as the file's display matrix says.
        """
        planes = self._to_planes(frame)
        matrix = _display_matrix(frame)
        if matrix == _UPRIGHT and short_side:
            grey = [av.VideoFrame.from_numpy_buffer(plane, "gray") for plane in planes]
        else:
            planes = [np.ascontiguousarray(_upright(plane, matrix)) for plane in planes]
            if not short_side:
                return cv2.merge(planes, out)
            grey = [av.VideoFrame.from_ndarray(plane, "gray") for plane in planes]

        width, height = scaled_size(grey[0].width, grey[0].height, short_side)
        return cv2.merge(self._resize_grey(grey, width, height), out)

    def resize(self, image: np.ndarray, width: int, height: int) -> np.ndarray:
        """Resizes an image `uint8 [H, W, C]` to `[height, width, C]`.

        Each channel goes through swscale as a grey image, since RGB would take a detour over YUV.
        """
        if image.shape[:2] == (height, width):
            return image

        # OpenCV is faster than numpy at taking channels apart and joining them.
        planes = [cv2.extractChannel(image, channel) for channel in range(image.shape[2])]
        # Copied, since swscale may read a few bytes behind a row.
        grey = [av.VideoFrame.from_ndarray(np.asarray(plane, np.uint8), "gray") for plane in planes]
        resized = cv2.merge(self._resize_grey(grey, width, height))
        return resized.reshape(height, width, -1)

    def _to_planes(self, frame):
        """Returns the red, green and blue of a frame, each `uint8 [H, W]`."""
        size = frame.width, frame.height
        if frame.format.is_rgb:  # small formats (5 bits) would become other values
            frame = self._scaler.reformat(
                frame, *size, "rgb24", interpolation=self._filter, threads=1
            )

        # Planes come from a faster routine of swscale than interleaved RGB, with the same values.
        planar = self._converter.reformat(
            frame, *size, "gbrp", interpolation=self._filter, threads=1
        )
        green, blue, red = map(_as_array, planar.planes)
        return [red, green, blue]

    def _resize_grey(self, frames, width, height):
        if (frames[0].width, frames[0].height) == (width, height):
            return [_as_array(frame.planes[0]) for frame in frames]

        resized = [
            # Otherwise, PyAV starts one thread per core for each conversion.
            self._scaler.reformat(
                frame, width, height, "gray", interpolation=self._filter, threads=1
            )
            for frame in frames
        ]
        return [_as_array(frame.planes[0]) for frame in resized]


def _as_array(plane):
    """Returns a plane of a frame as `uint8 [H, W]`, without copying it."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _display_matrix(frame):
    """Returns `((a, b), (c, d))`: a stored point (x, y) is shown at (a x + c y, b x + d y)."""
    matrix = frame.side_data.get(_DISPLAY_MATRIX)
    if matrix is None:
        return (1, 0), (0, 1)
    a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
    return (a, b), (c, d)


def _upright(image, matrix):
    """Turns an image by the nearest multiple of 90 degrees to its matrix, and mirrors it."""
    (a, b), (c, d) = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, x_sign, y_sign = image.swapaxes(0, 1), c, b
    else:
        x_sign, y_sign = a, d
    if x_sign < 0:
        image = image[:, ::-1]
    return image[::-1] if y_sign < 0 else image


class _PerThread(threading.local):
    """The resizers of each thread, by filter."""

    def __init__(self):
        self.resizers: dict[str, Resizer] = {}


_per_thread = _PerThread()


def resize(image: np.ndarray, width: int, height: int, interpolation: str = BILINEAR) -> np.ndarray:
    """Resizes an image `uint8 [H, W, C]` to `[height, width, C]`; see `Resizer`.

    Each thread keeps its own `Resizer`, so any thread may call this for every frame.
    """
    resizers = _per_thread.resizers
    if interpolation not in resizers:
        resizers[interpolation] = Resizer(interpolation)
    return resizers[interpolation].resize(image, width, height)


def resize_short_side(
    image: np.ndarray, short_side: int, interpolation: str = BILINEAR
) -> np.ndarray:
    """Resizes an image `uint8 [H, W, C]`, so that its shorter side becomes `short_side`.

    Any thread may call this for every frame; see `resize`.
    """
    height, width = image.shape[:2]
    if min(height, width) == short_side:
        return image
    return resize(image, *scaled_size(width, height, short_side), interpolation)


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Returns the width and height after the shorter side is scaled to `short_side`.

    The longer side is rounded down, as in the official `GroupScale`.
    """
    if width <= height:
        return short_side, max(short_side, int(short_side * height / width))
    return max(short_side, int(short_side * width / height)), short_side
