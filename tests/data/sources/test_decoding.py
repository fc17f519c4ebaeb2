"""Decoding: empty packets, damage, and bounds on time."""

import itertools
import pathlib

import numpy as np
import pytest
from testing import refuses
from videos import avi_pictures, encode, encode_damaged, moving_square

from tsm_tf.data.sources import decoding
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.opening import open_video
from tsm_tf.data.sources.probe import frame_times, probe
from tsm_tf.data.sources.video_file import VideoFiles, iterate_frames, read_frames

FILES = pathlib.Path(__file__).parent / "files"


def test_empty_packets_of_theora():
    """They repeat a picture: 8 grey pictures, of which two stay for twice the time.

    The file has a new picture at each tenth of a second but for the fourth and the eighth.
    """
    path = FILES / "theora_repeats.ogv"
    assert probe(path).num_frames == 8
    levels = read_frames(path, range(8))[:, 16, 24, 0]
    np.testing.assert_allclose(levels, (30 + 25 * np.arange(8) - 16) * 255 / 219, atol=2)
    times = [0, 0.1, 0.2, 0.4, 0.5, 0.6, 0.8, 0.9]
    np.testing.assert_allclose(frame_times(path), times, atol=1e-6)
    np.testing.assert_allclose([seconds for seconds, _ in iterate_frames(path)], times, atol=1e-6)


def test_dropped_frames_of_an_avi(tmp_path):
    """Screen recorders write a chunk of no bytes for a picture that repeats the one before it."""
    path = encode(tmp_path / "a.avi", moving_square(), codec="mpeg4", options={"g": "1"})
    whole, content = read_frames(path, range(12)), path.read_bytes()
    start, size = avi_pictures(content)[5]
    empty = b"00dc\0\0\0\0JUNK" + (size + size % 2 - 8).to_bytes(4, "little")
    path.write_bytes(content[:start] + empty + content[start + 16 :])
    kept = [*range(5), *range(6, 12)]
    assert probe(path).num_frames == 11
    np.testing.assert_array_equal(read_frames(path, range(11)), whole[kept])
    np.testing.assert_allclose(frame_times(path), np.array(kept) / 10, atol=1e-6)


@pytest.fixture
def damaged(tmp_path):
    """A video of 20 pictures, one of which is damaged; and its frames before that."""
    path = tmp_path / "damaged.avi"
    return str(path), encode_damaged(path)


def test_damaged_pictures_are_refused(damaged):
    path, whole = damaged
    np.testing.assert_array_equal(read_frames(path, range(7)), whole[:7])
    with refuses("video", "picture 7 is damaged", "damaged.avi"):
        read_frames(path, [9])
    with refuses("video", "picture 7 is damaged"):
        list(iterate_frames(path))
    assert probe(path).num_frames == 20


def test_damaged_pictures_are_kept_and_counted(damaged, capsys):
    path, whole = damaged
    source = VideoFiles(keeps_damaged=True)
    source.read(path, [3], 48)
    assert source.damaged == {}
    for _ in range(2):
        frames = source.read(path, range(20), 48)
        assert source.damaged == {path: 1}
    different = (frames != whole).any((1, 2, 3))
    assert different.tolist() == [number == 7 for number in range(20)]

    assert len(list(iterate_frames(path, keeps_damaged=True))) == 20
    assert "1 damaged picture was kept" in capsys.readouterr().err
    for number in (7, 8):  # as if a viewer had stopped behind that many pictures
        frames = iterate_frames(path, keeps_damaged=True)
        for _ in range(number):
            next(frames)
        frames.close()
        assert ("damaged" in capsys.readouterr().err) == (number == 8)


def test_packets_of_which_nothing_can_be_decoded(tmp_path):
    """They are no pictures, but they are damage."""
    path = encode(tmp_path / "a.avi", moving_square(), codec="ffv1", options={"g": "1"})
    whole, content = read_frames(path, range(12)), bytearray(path.read_bytes())
    start, size = avi_pictures(content)[4]
    content[start + 8 : start + 8 + size] = b"\xff" * size
    path.write_bytes(content)
    with pytest.raises(BadVideoError, match=r"a\.avi"):
        read_frames(path, [11])
    source = VideoFiles(keeps_damaged=True)
    assert source.num_frames(str(path)) == 11
    kept = [*range(4), *range(5, 12)]
    np.testing.assert_allclose(source.times(str(path)), np.array(kept) / 10, atol=1e-6)
    np.testing.assert_array_equal(source.read(str(path), range(11), 48), whole[kept])
    assert source.damaged == {str(path): 1}


def test_decoding_has_a_limit_in_time(tmp_path, monkeypatch):
    """Of processor time: a machine that is busy with other things does not count."""
    path = encode(tmp_path / "slow.mp4", moving_square())

    def decode(clock):
        with open_video(path) as (container, stream):
            return len(list(decoding.Decoder(path, clock=clock).frames(container, stream)))

    ticks = itertools.count(0, 6)
    assert decode(lambda: next(ticks)) == 12  # the limit is 10 s and more, of either clock

    monkeypatch.setattr(decoding, "_LEAST_SECONDS", 0)
    monkeypatch.setattr(decoding, "_BYTES_PER_SECOND", 1e12)
    with refuses("video", "took", "slow.mp4"):
        decode(lambda: next(ticks))
    assert decode(lambda: 0.0) == 12

    monkeypatch.setattr(decoding, "_BYTES_PER_SECOND", 1)  # a larger file has more time
    assert decode(lambda: next(ticks)) == 12
