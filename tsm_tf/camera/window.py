"""The window that shows a stream."""

import os
import sys

import cv2
import numpy as np

from tsm_tf.errors import InputError

_TITLE = "TSM"
_ESCAPE = 27


def open_window() -> None:
    """Opens the window that `show` draws into.

    Raises:
        InputError: there is no display, or OpenCV was built without windows.
    """
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform == "linux" and not has_display:
        rule = "needs a display (DISPLAY is not set); --output records without one"
        raise InputError("show", rule, True)

    try:
        cv2.namedWindow(_TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        rule = (
            "needs an OpenCV with windows: pip install opencv-python "
            "instead of opencv-python-headless"
        )
        raise InputError("show", rule, True) from None


def show(picture: np.ndarray) -> bool:
    """Draws an RGB picture; returns False once q or Escape was pressed or the window was closed."""
    cv2.imshow(_TITLE, picture[..., ::-1])
    if cv2.waitKey(1) in (ord("q"), _ESCAPE):
        return False
    return cv2.getWindowProperty(_TITLE, cv2.WND_PROP_VISIBLE) > 0
