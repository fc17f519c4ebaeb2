"""The number of frames is that of the pictures that can be decoded."""

import struct

import numpy as np
import pytest
from videos import cut_stream, encode, moving_square

from tsm_tf.data.sources import probe as module
from tsm_tf.data.sources.probe import frame_times, probe
from tsm_tf.data.sources.video_file import read_frames

X264 = {"options": {"g": "20", "bf": "2", "sc_threshold": "0"}}
X264_OPEN = {"options": {"bf": "2", "x264-params": "open-gop=1:scenecut=0:keyint=20:min-keyint=20"}}
_X265 = "log-level=none:keyint=20:min-keyint=20:open-gop=1:bframes=3:scenecut=0"
X265_OPEN = {"codec": "libx265", "options": {"x265-params": _X265}}
MPEG2 = {"codec": "mpeg2video", "options": {"g": "12", "bf": "2", "qmax": "2"}}


def numbers(path, count):
    frames = read_frames(path, range(count))
    return np.round(np.median(frames[..., 0], axis=(1, 2)) / 4).astype(int).tolist()


def numbered():
    frames = moving_square(60)
    frames[..., 0] = 4 * np.arange(60)[:, None, None]
    return frames


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4"])
@pytest.mark.parametrize(
    ("how", "first", "packets"),
    [
        (X264, 0, 0),
        (X264, 20, 5),  # cut between key frames
        (X264_OPEN, 40, 20),  # cut at the first picture of an open GOP
        (X265_OPEN, 40, 20),
        (MPEG2, None, 5),
        (MPEG2, None, 12),
    ],
)
def test_pictures_before_the_first_key_frame_do_not_count(tmp_path, suffix, how, first, packets):
    whole = encode(tmp_path / "whole.ts", numbered(), **how)
    path = cut_stream(tmp_path / f"cut.{suffix}", whole, packets)
    count = probe(path).num_frames
    assert 0 < count <= 60 - packets and len(frame_times(path)) == count
    shown = numbers(path, count)
    assert shown == list(range(60 - count, 60)) and (first is None or shown[0] == first)
    with pytest.raises(ValueError, match=f"the last is {count - 1}"):
        read_frames(path, [count])


def test_ordinary_files_are_not_decoded_to_count(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("decoded")

    monkeypatch.setattr(module, "Decoder", refuse)
    for name, how in {
        "a.mp4": X264,
        "a.mkv": X265_OPEN,
        "a.avi": {"codec": "mpeg4"},
        "a.webm": {"codec": "libvpx-vp9"},
        "b.mp4": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    }.items():
        assert probe(encode(tmp_path / name, moving_square(), **how)).num_frames == 12, name
    with pytest.raises(AssertionError):
        probe(encode(tmp_path / "a.ts", moving_square()))


def test_a_file_without_a_rate(tmp_path):
    """One picture, and pictures that are all shown at once."""
    assert probe(encode(tmp_path / "one.mp4", moving_square(1))).fps == pytest.approx(10)
    path = encode(tmp_path / "a.mp4", moving_square(4), options={"bf": "0"})
    content = bytearray(path.read_bytes())
    place = content.index(b"stts") + 8
    entries = struct.unpack_from(">I", content, place)[0]
    for entry in range(entries):
        struct.pack_into(">I", content, place + 8 + 8 * entry, 0)
    path.write_bytes(content)
    info = probe(path)
    assert info.num_frames == 4 and 0 < info.fps < 1e4 and 0 < info.duration < 10
