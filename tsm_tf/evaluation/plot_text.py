"""Text for plots: Matplotlib's font lacks many characters, and a dollar sign starts a formula."""

import functools
from collections.abc import Sequence


def plot_names(names: Sequence[str]) -> list[str]:
    """Returns names for a plot: without characters that the font lacks, such as emoji.

    A name of which nothing is left becomes its number, such as `class 3`.
    """
    return [plot_text(name).strip() or f"class {i}" for i, name in enumerate(names)]


def plot_text(text: str) -> str:
    """Returns a text for a plot, without characters that the font lacks."""
    shown = "".join(character for character in text if ord(character) in _characters())
    return shown.replace("$", r"\$")


@functools.cache
def _characters():
    from matplotlib import font_manager, rcParams  # takes a second to import

    path = font_manager.findfont(font_manager.FontProperties(family=rcParams["font.family"]))
    return {*font_manager.get_font(path).get_charmap(), ord("\n")}
