"""Draws what a viewer sees: the frame, the shown class, bars of the top classes, a status line."""

import functools
import pathlib
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Pictures of other heights are scaled into this range, so that the text is in proportion to them.
MIN_HEIGHT, MAX_HEIGHT = 320, 720

# Sizes in pixels for a picture of MIN_HEIGHT: the least width, and the panel below the picture.
_MIN_WIDTH, _PANEL = 420, 136

_NUM_BARS = 3
_BACKGROUND, _TRACK, _BAR = (24, 24, 24), (46, 46, 46), (40, 110, 170)
_WHITE, _GREY = (255, 255, 255), (170, 170, 170)


def annotate(
    frame: np.ndarray,
    shown: str,
    labels: Sequence[str],
    probabilities: np.ndarray,
    status: str,
) -> np.ndarray:
    """Draws the model's output under an RGB frame.

    Args:
        frame: `uint8 [H, W, 3]`.
        shown: the class to show.
        labels: class names.
        probabilities: one per class, for this frame: `[num_classes]`.
        status: one short line, such as the latency.

    Returns:
        `uint8 [H', W', 3]` of even height and width, which H.264 requires.
    """
    picture = _scale(frame)
    height, width = picture.shape[:2]
    unit = max(1.0, min(height, 0.75 * width) / MIN_HEIGHT)
    full_width = max(width, _even(_MIN_WIDTH * unit))

    canvas = Image.new("RGB", (full_width, height + _even(_PANEL * unit)), _BACKGROUND)
    canvas.paste(Image.fromarray(picture), ((full_width - width) // 2, 0))
    draw = ImageDraw.Draw(canvas)

    def text(words, middle, size, color=_WHITE, bold=False, left=10):
        position = left * unit, height + middle * unit
        available = full_width - 2 * left * unit
        width = _font(size * unit, bold).getlength(words)
        font = _font(size * unit * min(1.0, available / max(1, width)), bold)
        draw.text(position, words, color, font, anchor="lm")

    text(shown, 22, 24, bold=True)

    for row, i in enumerate(np.argsort(-probabilities)[:_NUM_BARS]):
        top, left = height + (42 + 25 * row) * unit, 10 * unit
        length = (full_width - 2 * left) * float(probabilities[i])
        draw.rectangle((left, top, full_width - left, top + 21 * unit), _TRACK)
        draw.rectangle((left, top, left + length, top + 21 * unit), _BAR)
        text(f"{labels[i]}  {probabilities[i]:.0%}", 53 + 25 * row, 14, left=16)

    text(status, 126, 11, _GREY)
    return np.array(canvas)


def _scale(frame):
    height, width = frame.shape[:2]
    scale = min(max(height, MIN_HEIGHT), MAX_HEIGHT) / height
    size = (_even(width * scale), _even(height * scale))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def _even(length):
    return max(2, round(length / 2) * 2)


@functools.lru_cache
def _font(size, bold):
    """Returns DejaVu, which comes with Matplotlib.

    Unlike OpenCV's fonts, it has Latin, Greek and Cyrillic letters.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf", name), size)
