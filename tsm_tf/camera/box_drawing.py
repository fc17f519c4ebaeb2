"""Draws boxes with names on a picture."""

import functools
import pathlib
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]

_TEXT_COLOR = (255, 255, 255)
_FONT_SIZE = 13  # pixels
_LINE_WIDTH = 2


def draw_boxes(
    picture: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[Color],
) -> np.ndarray:
    """Returns a picture with boxes and a text at each.

    Args:
        picture: RGB `uint8 [H, W, 3]`.
        boxes: `[N, 4]`, half-open x1, y1, x2, y2 in pixels of the picture. The last one is in
            front.
        texts: one per box; an empty one is not drawn.
        colors: one per box.

    Returns:
        RGB `uint8 [H, W, 3]`.
    """
    canvas = Image.fromarray(picture)
    draw = ImageDraw.Draw(canvas)
    for box, text, color in zip(np.asarray(boxes, float), texts, colors, strict=True):
        left, top, right, bottom = box.tolist()
        corners = (left, top, max(left, right - 1), max(top, bottom - 1))
        draw.rectangle(corners, outline=color, width=_LINE_WIDTH)
        if text:
            _write(draw, text, left, top, color, canvas.size)
    return np.array(canvas)


def _write(draw, text, left, top, color, size):
    """Writes a text on a bar of the box's colour: above the box, or in it at the upper border."""
    width, height = _font().getlength(text) + 4, _FONT_SIZE + 3
    x = max(0, min(left, size[0] - width))
    y = top - height if top >= height else max(0, top)
    draw.rectangle((x, y, x + width, y + height), color)
    draw.text((x + 2, y + height / 2), text, _TEXT_COLOR, _font(), anchor="lm")


@functools.lru_cache
def _font():
    """Returns DejaVu, which comes with Matplotlib."""
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / "DejaVuSans-Bold.ttf", _FONT_SIZE)
