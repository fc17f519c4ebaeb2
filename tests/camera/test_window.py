import cv2
import numpy as np
import pytest
from testing import refuses

from tsm_tf.camera.window import draw, open_window, show


def test_a_window_needs_a_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with refuses("show", "needs a display"):
        open_window()
    monkeypatch.setenv("DISPLAY", ":0")
    with refuses("show", "pip install opencv-contrib-python"):  # the tests' OpenCV is headless
        open_window()


@pytest.mark.parametrize(
    ("code", "visible", "key"),
    [(-1, 1, None), (ord("r"), 1, "r"), (13, 1, "\r"), (27, 1, "q"), (ord("r"), 0, "q")],
)
def test_keys(monkeypatch, code, visible, key):
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda _, picture: shown.append(picture[0, 0].tolist()))
    monkeypatch.setattr(cv2, "waitKey", lambda _: code)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: visible)
    picture = np.full((2, 2, 3), (1, 2, 3), np.uint8)
    assert draw(picture) == key and show(picture) == (key != "q")
    assert shown == [[3, 2, 1]] * 2  # OpenCV wants BGR
