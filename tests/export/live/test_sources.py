import threading
import time

import numpy as np
import pytest
from servers import CameraServer
from testing import refuses
from videos import encode, moving_square

from export.live.sources import Camera, Capture, open_source
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


@pytest.mark.parametrize("path", ["mjpeg", "ts"])
def test_frames_of_a_network_camera(path, stop):
    with CameraServer() as server:
        frames, fps, is_live = open_source(server.url(path), None, show=False, stop=stop)
        assert is_live and fps > 0
        seen = []
        for seconds, frame in frames:
            seen.append((seconds, frame, time.monotonic()))
            if len(seen) == 15:
                stop.set()
        frames.close()
    assert seen[0][1].shape == (48, 64, 3)
    for _, frame, _ in seen[3:]:  # each is one of the camera's, in its colours
        assert min(np.abs(frame.astype(int) - sent).mean() for sent in server.frames) < 6
    times = [seconds for seconds, _, _ in seen]
    assert times == sorted(times)
    moments = [moment for _, _, moment in seen]  # it is their arrival that counts
    np.testing.assert_allclose(
        np.subtract(times, times[0]), np.subtract(moments, moments[0]), atol=0.2
    )


def test_sources_that_cannot_be_opened(stop):
    with CameraServer() as server, refuses("video", "404", server.url("gone")):
        open_source(server.url("gone"), None, False, stop)
    with pytest.raises(BadVideoError, match="refused") as raised:
        open_source(f"http://user:secret@127.0.0.1:{server.port}/ts", None, False, stop)
    assert "secret" not in str(raised.value)
    with refuses("camera", "number or path", "/dev/video77"):
        Camera("/dev/video77")


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
