"""The written page in a real Chromium: a server, a camera, and what tests do with the page."""

import contextlib
import functools
import http.server
import re
import threading

import browser
import cv2
import pytest

IS_READY = "document.body.classList.contains('is-ready')"
MESSAGE = "document.getElementById('message').textContent"
FAKE_DEVICE = "--use-fake-device-for-media-stream"
_CAMERA_FPS = 30

# Slow, because a browser that hangs would stop the quick tests; CI runs them with a time limit.
SLOW_IN_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(
        browser.EXECUTABLE is None, reason="THE PAGE IS NOT TESTED: chromium is not installed"
    ),
]


@contextlib.contextmanager
def served(folder):
    """Serves a folder as `python -m http.server` does, and yields its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fake_camera(folder, frames, fps):
    """Returns the browser's flags for a camera that shows frames, 30 pictures per second.

    Cameras are a little irregular. So each frame stays from half a period before its time until
    half a period after it, and a page that takes `fps` frames per second sees each once.
    """
    path = folder / "camera.mjpeg"
    with path.open("wb") as file:
        for number in range(int(_CAMERA_FPS * (len(frames) - 1) / fps)):
            frame = frames[int(fps * number / _CAMERA_FPS + 0.5)]
            picture = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
            file.write(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1])
    play = f"--use-file-for-fake-video-capture={path}"
    return FAKE_DEVICE, "--use-fake-ui-for-media-stream", play


def listen(page):
    """Notes from now on what programs can listen to."""
    page.evaluate(
        "window.frames_seen = []; window.events_seen = [];"
        "document.addEventListener('tsm:frame', (e) => frames_seen.push(e.detail.seconds));"
        "document.addEventListener('tsm:event', ({ detail }) =>"
        "  events_seen.push([detail.seconds, detail.label, detail.probability]));"
    )


def click(page, name):
    page.evaluate(f"document.getElementById('{name}').click()")


def errors_of(page):
    """What went wrong, without the lines that LiteRT.js logs as errors."""
    return [error for error in page.errors if not re.match(r"INFO|WARNING: \[npu", error)]
