import threading
import time

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square

from tsm_tf.camera.capture import Camera, Capture
from tsm_tf.data.sources.bad_video import BadVideoError


@pytest.fixture
def stop():
    return threading.Event()


def numbered(count, step=lambda number: None):
    for number in range(count):
        yield number, f"frame {number}"
        step(number)


def test_newest_frame_wins(stop):
    busy, over = threading.Event(), threading.Event()

    def lens():
        yield 0, None
        busy.wait(10)
        yield from numbered(9)
        over.set()

    frames = iter(Capture(lens(), stop, newest_wins=True))
    assert next(frames)[0] == 0
    busy.set()
    assert over.wait(10)  # nine frames have come while the model was busy
    assert [number for number, _ in frames] == [8]


def test_nothing_is_lost_when_reading_waits(stop):
    seen, read = [], []
    for number, _ in Capture(numbered(20, read.append), stop, newest_wins=False):
        seen.append(number)
        assert len(read) <= number + 2  # a queue of one
        time.sleep(0.002)
    assert seen == list(range(20))


def test_an_error_comes_after_the_frames_before_it(stop):
    def broken():
        yield from numbered(3)
        raise BadVideoError("x.mp4", "broken")

    seen = []
    with refuses("video", "broken", "x.mp4"):
        for number, _ in Capture(broken(), stop, newest_wins=False):
            seen.append(number)
    assert seen == [0, 1, 2]


def test_stop_ends_the_wait_for_a_frame(stop):
    closed = threading.Event()

    def silent():
        try:
            yield 0, None
            stop.wait(10)
        finally:
            closed.set()

    capture = Capture(silent(), stop, newest_wins=True)
    threading.Timer(0.2, stop.set).start()
    assert [number for number, _ in capture] == [0]
    capture.close()
    assert closed.is_set() and not capture.thread.is_alive()


def test_camera_frames_are_rgb(tmp_path):
    frames = moving_square(5)
    video = encode(
        tmp_path / "camera.avi", frames, codec="mjpeg", pix_fmt="yuvj444p", options={"q": "1"}
    )
    camera = Camera(str(video))  # OpenCV reads files by the same calls
    seconds, seen = zip(*camera, strict=True)
    assert np.abs(np.stack(seen).astype(int) - frames).mean() < 4 and list(seconds) == sorted(
        seconds
    )
