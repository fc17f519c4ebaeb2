"""Draws what a viewer sees: a frame, the shown class, bars of the top classes, the last events."""

import functools
import pathlib
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from export.live.events import Event

# Pictures of other heights are scaled into this range, so that the text is in proportion to them.
MIN_HEIGHT, MAX_HEIGHT = 320, 720

# Sizes in pixels for a picture of MIN_HEIGHT: the least width, and the panel below the picture.
_MIN_WIDTH, _PANEL = 420, 164
_MARGIN = 10

_NUM_BARS = 3
_BACKGROUND, _TRACK, _BAR = (24, 24, 24), (46, 46, 46), (40, 110, 170)
_EVENT = (96, 72, 24)
_WHITE, _GREY = (255, 255, 255), (170, 170, 170)
_NOTHING = "–"  # shown between events by a model without background classes


def annotate(
    frame: np.ndarray,
    shown: str,
    labels: Sequence[str],
    probabilities: np.ndarray,
    events: Sequence[Event],
    status: str,
) -> np.ndarray:
    """Draws the model's output under an RGB frame.

    Args:
        frame: `uint8 [H, W, 3]`.
        shown: the label to show; empty if nothing happens.
        labels: class names.
        probabilities: one per class: `[num_classes]`.
        events: the last events, newest last. As many as fit are drawn, newest first.
        status: one short line, such as the latency.

    Returns:
        `uint8 [H', W', 3]` of even height and width, which H.264 requires.
    """
    panel = _Panel(_scale(frame))
    panel.text(shown or _NOTHING, 22, 24, bold=True)

    for row, i in enumerate(np.argsort(-probabilities)[:_NUM_BARS]):
        panel.bar(f"{labels[i]}  {probabilities[i]:.0%}", float(probabilities[i]), 42 + 25 * row)

    panel.chips([f"{event.label}  {event.seconds:.1f} s" for event in reversed(events)], 120)
    panel.text(status, 153, 11, _GREY)
    return np.array(panel.canvas)


class _Panel:
    """A picture with a panel below it. Sizes are in pixels for a picture of `MIN_HEIGHT`."""

    def __init__(self, picture):
        self._height, width = picture.shape[:2]
        self._unit = max(1.0, min(self._height, 0.75 * width) / MIN_HEIGHT)
        full_width = max(width, _even(_MIN_WIDTH * self._unit))
        self._width = full_width / self._unit

        size = full_width, self._height + _even(_PANEL * self._unit)
        self.canvas = Image.new("RGB", size, _BACKGROUND)
        self.canvas.paste(Image.fromarray(picture), ((full_width - width) // 2, 0))
        self._draw = ImageDraw.Draw(self.canvas)

    def text(self, words, middle, size, color=_WHITE, bold=False, left: float = _MARGIN):
        """Draws a line of text, smaller if it would be too long."""
        available = self._width - left - _MARGIN
        size *= min(1.0, available / max(1, self._length(words, size, bold)))
        position = left * self._unit, self._height + middle * self._unit
        self._draw.text(position, words, color, _font(size * self._unit, bold), anchor="lm")

    def bar(self, words, share, top):
        """Draws a bar of the panel's width that is filled up to a share, and its text."""
        right = self._width - _MARGIN
        self._box(_MARGIN, right, top, _TRACK)
        self._box(_MARGIN, _MARGIN + share * (right - _MARGIN), top, _BAR)
        self.text(words, top + 11, 14, left=_MARGIN + 6)

    def chips(self, texts, top):
        """Draws texts in boxes side by side, as many as fit; the first one always."""
        left: float = _MARGIN
        for words in texts:
            right = left + self._length(words, 12, False) + 12
            if right > self._width - _MARGIN and left > _MARGIN:
                break
            self._box(left, min(right, self._width - _MARGIN), top, _EVENT)
            self.text(words, top + 11, 12, left=left + 6)
            left = right + 6

    def _length(self, words, size, bold):
        return _font(size * self._unit, bold).getlength(words) / self._unit

    def _box(self, left, right, top, color):
        edges = left, self._height / self._unit + top, right, self._height / self._unit + top + 21
        self._draw.rectangle([edge * self._unit for edge in edges], color)


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
