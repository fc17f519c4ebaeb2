"""What is opened: kinds, other files, bounds, covers, and files without an index."""

import http.server
import struct
import threading

import av
import av.stream
import numpy as np
import pytest
from testing import refuses
from videos import avi_pictures, encode, moving_square

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.opening import MAX_PIXELS
from tsm_tf.data.sources.probe import frame_times, probe
from tsm_tf.data.sources.video_file import iterate_frames, read_frames

SIZE = 16_000, 16_000
READERS = {
    "probe": probe,
    "frame_times": frame_times,
    "read_frames": lambda path: read_frames(path, [0], 32),
    "iterate_frames": lambda path: list(iterate_frames(path)),
}


def assert_refused(path, *parts):
    for reader in READERS.values():
        with refuses("video", *parts, path.name) as caught:
            reader(path)
        assert caught.value.path == str(path)


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile {other}\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{other}\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    "<BaseURL>{other}</BaseURL></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "image list": "{other}",
    "smil": '<smil><body><video src="{other}"/></body></smil>',
    "rtsp redirect": "[Reference]\nRef1={other}\n",
}


@pytest.fixture(scope="module")
def server():
    """A server whose `asked` is what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("kind", PLAYLISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".m3u8"])
def test_files_that_name_other_files_open_nothing(tmp_path, server, kind, suffix):
    """Neither a video beside them, nor one behind an address, whatever the file is called."""
    other = encode(tmp_path / "other.ts", moving_square())
    for address in (other, other.name, f"http://127.0.0.1:{server.server_port}/a.ts"):
        path = tmp_path / f"list{suffix}"
        path.write_text(PLAYLISTS[kind].format(other=address, port=server.server_port))
        assert_refused(path)
    assert not server.asked


def test_an_mp4_that_refers_to_another_file(tmp_path):
    """A data reference may point to another file (`dref` with a `url` or `alis`)."""
    content = bytearray(encode(tmp_path / "other.mp4", moving_square()).read_bytes())
    place = content.index(b"url \0\0\0\1")
    content[place + 7] = 0  # not in this file
    (tmp_path / "a.mp4").write_bytes(content)
    np.testing.assert_array_equal(  # the reference is ignored
        read_frames(tmp_path / "a.mp4", [3]), read_frames(tmp_path / "other.mp4", [3])
    )


def test_a_large_frame(tmp_path):
    """The size that a header claims costs nothing; here those of an AVI and of all its JPEGs."""
    path = encode(tmp_path / "a.avi", moving_square(), codec="mjpeg", pix_fmt="yuvj420p")
    content = bytearray(path.read_bytes())
    for place in (content.index(b"avih") + 40, content.index(b"strf") + 12):
        struct.pack_into("<II", content, place, *SIZE)
    for start, size in avi_pictures(content):
        struct.pack_into(">HH", content, content.index(b"\xff\xc0", start, start + size) + 5, *SIZE)
    path.write_bytes(content)
    assert_refused(path)
    assert 7680 * 4320 < MAX_PIXELS < np.prod(SIZE)


@pytest.mark.parametrize("size", [(2, 4096), (4096, 2)])
def test_a_frame_that_becomes_large_when_it_is_scaled(tmp_path, size):
    path = encode(tmp_path / "thin.mp4", moving_square(2, *size), codec="mpeg4")
    assert read_frames(path, [1]).shape == (1, *size, 3)
    with refuses("video", "pixels per frame", "at most 32 times", "thin.mp4"):
        read_frames(path, [1], 256)
    wide = encode(tmp_path / "wide.mp4", moving_square(2, 16, 512), codec="mpeg4")
    assert read_frames(wide, [0], 32).shape == (1, 32, 1024, 3)


def with_cover(path, film):
    """Writes a sound, a cover, and perhaps a film."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=8000, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        samples.sample_rate = 8000
        stream = container.add_stream("libx264", rate=10) if len(film) else None
        if stream:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.mux([*sound.encode(samples), *sound.encode()])
        picture = av.VideoFrame.from_ndarray(moving_square(1, 240, 320)[0], "rgb24")
        container.mux([*cover.encode(picture), *cover.encode()])
        for frame in film:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        if stream:
            container.mux(stream.encode())
    return path


def test_a_cover_is_not_a_video(tmp_path):
    assert_refused(with_cover(tmp_path / "song.mp4", []), "no video stream but a picture")
    path = with_cover(tmp_path / "film.mp4", moving_square(5))
    info = probe(path)
    assert (info.num_frames, info.width, info.height) == (5, 64, 48)
    assert read_frames(path, [4]).shape == (1, 48, 64, 3)


def test_an_mp4_without_its_index(tmp_path):
    """A phone whose battery ran out, or a download that was cut off."""
    whole = encode(tmp_path / "whole.mp4", moving_square()).read_bytes()
    for name, content in (
        ("no index.mp4", whole[: whole.index(b"moov") - 4]),
        ("only start.mp4", whole[: whole.index(b"mdat") + 40]),
    ):
        (tmp_path / name).write_bytes(content)
        assert_refused(tmp_path / name, "without its index (`moov`)", "cut off")
    other = tmp_path / "other.mp4"
    other.write_bytes(whole[:4] + b"junk" + whole[8:600])
    with pytest.raises(BadVideoError) as caught:
        probe(other)
    assert "moov" not in str(caught.value)


def test_a_codec_that_is_not_listed(tmp_path):
    """Text, drawings and games have codecs too."""
    path = encode(tmp_path / "a.avi", moving_square(2), codec="zmbv", pix_fmt="bgr0")
    assert_refused(path, "a codec other than")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("codec"),
        OverflowError("value too large"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        TypeError("no width"),
        AssertionError(),
        av.error.MemoryError(12, "Cannot allocate memory"),
        av.error.PermissionError(13, "Permission denied"),
        av.error.ArgumentError(22, "Invalid argument"),
        av.error.ExitError(1414092869, "Immediate exit requested"),
        av.error.UndefinedError(1, "odd"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", ["open", "demux", "decode"])
def test_whatever_pyav_raises_names_the_file(tmp_path, monkeypatch, error, place):
    path = encode(tmp_path / "a.ts", moving_square(2))

    def fail(*args, **kwargs):
        raise error

    if place == "open":
        monkeypatch.setattr(av, "open", fail)
    else:
        opened = av.open

        class Packet:
            size, pts, dts = 9, 0, 0
            is_keyframe = is_corrupt = is_discard = False
            decode = staticmethod(fail)

        class Container:
            def __init__(self, container):
                self.container = container

            def __getattr__(self, name):
                return getattr(self.container, name)

            def __enter__(self):
                return self

            def __exit__(self, *args):
                self.container.close()

            def demux(self, stream):
                return fail() if place == "demux" else iter([Packet(), Packet()])

        monkeypatch.setattr(av, "open", lambda *args, **kwargs: Container(opened(*args, **kwargs)))
    assert_refused(path)
