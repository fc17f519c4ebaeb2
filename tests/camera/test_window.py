from testing import refuses

from tsm_tf.camera.window import open_window


def test_a_window_needs_a_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with refuses("show", "needs a display"):
        open_window()
    monkeypatch.setenv("DISPLAY", ":0")
    with refuses("show", "pip install opencv-python"):  # the tests' OpenCV is headless
        open_window()
