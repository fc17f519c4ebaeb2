import http.server
import itertools
import pathlib
import subprocess
import sys
import threading

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


def test_an_unknown_scheme_is_refused():
    for address in (
        "concat:a.ts|b.ts",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "data://x",
        "gopher://x",
    ):
        with refuses("video", "must be a file, or begin with one of http://, https://, rtsp://"):
            NetworkStream(address)


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{address}\n#EXT-X-ENDLIST\n"


class Site(http.server.ThreadingHTTPServer):
    """A web server with files by path; `asked` is what it was asked for."""

    def __init__(self, files):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.asked.append(self.path)
                content = self.server.files.get(self.path, b"")
                self.send_response(200 if content else 404)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = files, []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *args):
        self.shutdown()
        self.server_close()


def test_a_playlist_behind_a_url_opens_addresses_of_its_kind_only(video):
    """HLS from a camera works; a playlist that names a file of this machine does not."""
    with Site({"/a.ts": video.read_bytes()}) as site:
        site.files["/a.m3u8"] = PLAYLIST.format(address=f"{site.url}/a.ts").encode()
        stream = NetworkStream(f"{site.url}/a.m3u8")
        assert_same_frames(stream, iterate_frames(video))
        stream.close()
        for address in (video, f"file:{video}", f"file://{video}"):
            site.files["/b.m3u8"] = PLAYLIST.format(address=address).encode()
            with pytest.raises(BadVideoError):
                list(NetworkStream(f"{site.url}/b.m3u8"))
        site.files["/c.m3u8"] = f"ffconcat version 1.0\nfile '{video}'\n".encode()
        with pytest.raises(BadVideoError):
            NetworkStream(f"{site.url}/c.m3u8")


@pytest.mark.parametrize("content", [PLAYLIST, "ffconcat version 1.0\nfile '{address}'\n"])
def test_standard_input_opens_nothing_else(video, content):
    code = "from export.live.network_stream import NetworkStream; list(NetworkStream('-'))"
    with Site({"/a.ts": video.read_bytes()}) as site:
        for address in (video, f"{site.url}/a.ts"):
            done = subprocess.run(
                [sys.executable, "-c", code],
                input=content.format(address=address).encode(),
                capture_output=True,
            )
            assert done.returncode == 1 and b"BadVideoError" in done.stderr, done.stderr
        assert not site.asked


def test_times_that_restart_are_continued(tmp_path, video, capsys):
    joined = tmp_path / "joined.ts"
    joined.write_bytes(2 * video.read_bytes())
    stream = NetworkStream(f"file:{joined}")
    seconds = [time for time, _ in stream]
    stream.close()
    np.testing.assert_allclose(seconds, np.arange(24) / 10, atol=1e-6)
    assert capsys.readouterr().err.count("warning: the time of a frame jumps") == 1


def test_empty_packets_of_theora():
    files = pathlib.Path(__file__).parents[2] / "data" / "sources" / "files"
    stream = NetworkStream(f"file:{files / 'theora_repeats.ogv'}")
    assert len(list(stream)) == 8
    stream.close()
