import http.server
import itertools
import subprocess
import sys

import av
import numpy as np
import pytest
from servers import CameraServer
from testing import refuses
from videos import encode, moving_square

from export.live.network_stream import NetworkStream
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import iterate_frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return encode(tmp_path_factory.mktemp("videos") / "video.ts", moving_square(12))


def assert_same_frames(frames, others):
    for (seconds, frame), (other_seconds, other) in zip(frames, others, strict=True):
        assert seconds == pytest.approx(other_seconds, abs=1e-6)
        np.testing.assert_array_equal(frame, other)


def test_a_file_behind_a_url_ends(video):
    stream = NetworkStream(f"file:{video}")
    assert not stream.is_endless and stream.fps == pytest.approx(10)
    assert_same_frames(stream, iterate_frames(video))
    stream.close()


def test_standard_input(video, tmp_path):
    code = (
        "import sys, numpy as np; from export.live.network_stream import NetworkStream; "
        "stream = NetworkStream('-'); seconds, frames = zip(*stream); "
        "assert stream.name == 'standard input' and not stream.is_endless; "
        f"np.savez({str(tmp_path / 'frames.npz')!r}, seconds=seconds, frames=frames)"
    )
    with video.open("rb") as file:
        done = subprocess.run([sys.executable, "-c", code], stdin=file, capture_output=True)
    assert done.returncode == 0, done.stderr
    arrays = np.load(tmp_path / "frames.npz")
    assert_same_frames(zip(arrays["seconds"], arrays["frames"], strict=True), iterate_frames(video))


@pytest.mark.parametrize("path", ["mjpeg", "ts"])
def test_a_camera_is_endless(path):
    with CameraServer() as server:
        stream = NetworkStream(server.url(path))
        assert stream.is_endless
        seconds, frames = zip(*itertools.islice(stream, 5), strict=True)
        stream.close()
    assert seconds[0] == 0 and list(seconds) == sorted(seconds)
    assert np.shape(frames) == (5, 48, 64, 3)


def test_a_container_without_a_size_is_endless(monkeypatch):
    """PyAV 19 gives None where there is no size."""

    class Container:
        size = None

        def __init__(self, container):
            self.container = container

        def __getattr__(self, name):
            return getattr(self.container, name)

    opened = av.open
    monkeypatch.setattr(av, "open", lambda *args, **kwargs: Container(opened(*args, **kwargs)))
    with CameraServer() as server:
        stream = NetworkStream(server.url("mjpeg"))
        assert stream.is_endless
        stream.close()


def test_a_camera_that_falls_silent():
    # It listens and never answers.
    listening = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    with listening, refuses("video", "no answer in time", "//127.0.0.1"):
        NetworkStream(f"http://user:secret@127.0.0.1:{listening.server_port}/", timeout=0.3)


def test_errors_and_names_keep_the_password_secret():
    with CameraServer() as server:
        port = server.port
        stream = NetworkStream(f"http://user:secret@127.0.0.1:{port}/ts")
        assert stream.name == f"http://127.0.0.1:{port}/ts"
        stream.close()
    with pytest.raises(BadVideoError, match="refused") as caught:
        NetworkStream(f"http://user:secret@127.0.0.1:{port}/ts")
    assert "secret" not in str(caught.value) and caught.value.path == f"http://127.0.0.1:{port}/ts"


def test_no_picture(tmp_path):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with refuses("video", "no video stream", "song.mp4"):
        NetworkStream(f"file:{path}")
