"""A picture on the screen with a panel of text and bars below it."""

import functools
import pathlib
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Pictures of other heights are scaled into this range, so that the text is in proportion to them.
MIN_HEIGHT, MAX_HEIGHT = 320, 720

WHITE, GREY = (255, 255, 255), (170, 170, 170)
_BACKGROUND, _TRACK, _BAR = (24, 24, 24), (46, 46, 46), (40, 110, 170)
_CHIP, _ALERT = (96, 72, 24), (170, 40, 40)
_MIN_WIDTH = 420  # in pixels for a picture of MIN_HEIGHT, and so are all sizes
_MARGIN = 10


class Panel:
    """A picture with a panel below it. Sizes are in pixels for a picture of `MIN_HEIGHT`.

    Args:
        picture: RGB `uint8 [H, W, 3]`, from `scaled`.
        height: rows of the panel.

    Attributes:
        canvas: the picture and its panel, of even height and width, which H.264 requires.
    """

    def __init__(self, picture: np.ndarray, height: int):
        self._height, width = picture.shape[:2]
        self._unit = max(1.0, min(self._height, 0.75 * width) / MIN_HEIGHT)
        full_width = max(width, _even(_MIN_WIDTH * self._unit))
        self._width = full_width / self._unit

        size = full_width, self._height + _even(height * self._unit)
        self.canvas = Image.new("RGB", size, _BACKGROUND)
        self.canvas.paste(Image.fromarray(picture), ((full_width - width) // 2, 0))
        self._draw = ImageDraw.Draw(self.canvas)

    def text(
        self,
        words: str,
        middle: float,
        size: float,
        color: tuple[int, int, int] = WHITE,
        bold: bool = False,
        left: float = _MARGIN,
    ) -> None:
        """Draws a line of text, smaller if it would be too long."""
        available = self._width - left - _MARGIN
        size *= min(1.0, available / max(1, self._length(words, size, bold)))
        position = left * self._unit, self._height + middle * self._unit
        self._draw.text(position, words, color, _font(size * self._unit, bold), anchor="lm")

    def bar(self, words: str, share: float, top: float, is_alert: bool = False) -> None:
        """Draws a bar of the panel's width that is filled up to a share, and its text."""
        right = self._width - _MARGIN
        self._box(_MARGIN, right, top, _TRACK)
        self._box(_MARGIN, _MARGIN + share * (right - _MARGIN), top, _ALERT if is_alert else _BAR)
        self.text(words, top + 11, 14, left=_MARGIN + 6)

    def chips(self, texts: Sequence[str], top: float) -> None:
        """Draws texts in boxes side by side, as many as fit; the first one always."""
        left: float = _MARGIN
        for words in texts:
            right = left + self._length(words, 12, False) + 12
            if right > self._width - _MARGIN and left > _MARGIN:
                break
            self._box(left, min(right, self._width - _MARGIN), top, _CHIP)
            self.text(words, top + 11, 12, left=left + 6)
            left = right + 6

    def _length(self, words, size, bold):
        return _font(size * self._unit, bold).getlength(words) / self._unit

    def _box(self, left, right, top, color):
        edges = left, self._height / self._unit + top, right, self._height / self._unit + top + 21
        self._draw.rectangle([edge * self._unit for edge in edges], color)


def scaled(frame: np.ndarray) -> np.ndarray:
    """Returns an RGB frame with a height from `MIN_HEIGHT` to `MAX_HEIGHT`, and even sizes."""
    height, width = frame.shape[:2]
    scale = min(max(height, MIN_HEIGHT), MAX_HEIGHT) / height
    size = (_even(width * scale), _even(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def fit(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns an RGB picture `[height, width, 3]`: scaled, with black bars if its shape differs."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    rows = max(1, round(scale * picture.shape[0]))
    columns = max(1, round(scale * picture.shape[1]))
    top, left = (height - rows) // 2, (width - columns) // 2

    fitted = np.zeros((height, width, 3), np.uint8)
    fitted[top : top + rows, left : left + columns] = cv2.resize(
        picture, (columns, rows), interpolation=cv2.INTER_AREA
    )
    return fitted


def _even(length):
    return max(2, round(length / 2) * 2)


@functools.lru_cache
def _font(size, bold):
    """Returns DejaVu, which comes with Matplotlib.

    Unlike OpenCV's fonts, it has Latin, Greek and Cyrillic letters.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)
