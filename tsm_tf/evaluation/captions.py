"""Lines of text as pictures, for strips of frames and contact sheets."""

import functools
import pathlib
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tsm_tf.evaluation.plot_text import drawable_text

LINE_HEIGHT = 18
"""Pixels per line."""

Color = tuple[int, int, int]
INK: Color = (28, 39, 51)
WHITE: Color = (255, 255, 255)

_MARGIN = 6  # pixels
_MAX_CHARACTERS = 500  # more never fit


def caption(
    lines: Sequence[str],
    width: int,
    height: int,
    colors: Sequence[Color] = (),
) -> np.ndarray:
    """Returns lines of text as a picture, RGB `uint8 [height, width, 3]`.

    The lines are centred vertically. Lines that are too long are cut.

    Args:
        lines: the text; characters that the font lacks are left out.
        width: in pixels.
        height: in pixels.
        colors: one per line; none means dark grey.
    """
    canvas = Image.new("RGB", (width, height), WHITE)
    draw = ImageDraw.Draw(canvas)

    top = (height - LINE_HEIGHT * len(lines)) // 2
    for number, line in enumerate(lines):
        color = colors[number] if colors else INK
        draw.text((_MARGIN, top + LINE_HEIGHT * number), fit(line, width), color, _font())
    return np.array(canvas)


def fit(text: str, width: int, keep_end: bool = False) -> str:
    """Returns a text that `caption` can show in one line of a width, with an ellipsis if cut.

    Args:
        text: the text.
        width: in pixels.
        keep_end: cuts the start, such as that of a path, instead of the end.
    """
    shown = drawable_text(text).replace("\n", " ")
    if len(shown) > _MAX_CHARACTERS:
        shown = shown[-_MAX_CHARACTERS:] if keep_end else shown[:_MAX_CHARACTERS]

    while shown and _font().getlength(shown) > width - 2 * _MARGIN:
        if len(shown) == 1:
            return ""
        shown = "…" + shown[2:].lstrip() if keep_end else shown[:-2].rstrip() + "…"
    return shown


@functools.lru_cache
def _font():
    """Returns DejaVu, which comes with Matplotlib."""
    folder = pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf")
    return ImageFont.truetype(folder / "DejaVuSans.ttf", 13)
