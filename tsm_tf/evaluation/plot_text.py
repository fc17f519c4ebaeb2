"""Text for pictures and plots: the font lacks many characters, and Matplotlib has formulas."""

import functools
from collections.abc import Sequence


def drawable_text(text: str) -> str:
    """Returns a text for a picture, without characters that the font lacks, such as emoji."""
    return "".join(character for character in text if ord(character) in _characters())


def drawable_names(names: Sequence[str]) -> list[str]:
    """Returns names for a picture, without characters that the font lacks.

    A name of which nothing is left becomes its number, such as `class 3`.
    """
    return [drawable_text(name).strip() or f"class {i}" for i, name in enumerate(names)]


def plot_text(text: str) -> str:
    """Returns a text for a Matplotlib plot, where a dollar sign starts a formula."""
    return drawable_text(text).replace("$", r"\$")


def plot_names(names: Sequence[str]) -> list[str]:
    """Returns names for a Matplotlib plot; see `drawable_names`."""
    return [plot_text(name) for name in drawable_names(names)]


@functools.cache
def _characters():
    from matplotlib import font_manager, rcParams  # takes a second to import

    path = font_manager.findfont(font_manager.FontProperties(family=rcParams["font.family"]))
    return {*font_manager.get_font(path).get_charmap(), ord("\n")}
