"""The window that shows what a camera sees."""

import os
import sys

import cv2
import numpy as np

from tsm_tf.errors import InputError

QUIT = "q"
_TITLE = "TSM"
_NO_KEY, _ESCAPE = -1, 27


def open_window(instead: str = "--output records without one") -> None:
    """Opens the window that `draw` and `show` draw into.

    Args:
        instead: what to do without a display, for the error.

    Raises:
        InputError: there is no display, or OpenCV was built without windows.
    """
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "linux" and not has_display:
        rule = f"needs a display (DISPLAY is not set); {instead}"
        raise InputError("show", rule, True)

    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        rule = (
            "needs an OpenCV with windows: pip uninstall opencv-contrib-python-headless, then pip "
            "install opencv-contrib-python"
        )
        raise InputError("show", rule, True) from None


def draw(picture: np.ndarray) -> str | None:
    """Draws an RGB picture; returns the character of a key that was pressed, or None.

    Escape, and closing the window, count as `QUIT`.
    """
    cv2.imshow(_TITLE, picture[..., ::-1])
    key = cv2.waitKey(1)
    if key == _ESCAPE or cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) <= 0:
        return QUIT
    return None if key == _NO_KEY else chr(key & 0xFF)


def show(picture: np.ndarray) -> bool:
    """Draws an RGB picture; returns False once q or Escape was pressed or the window was closed."""
    return draw(picture) != QUIT
