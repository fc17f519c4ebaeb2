"""The times of frames: each kind of file in which they step back, restart, or are missing."""

import fractions

import av
import numpy as np
import pytest
from videos import cut_stream, encode, moving_square, write_packets

from tsm_tf.data.sources.frame_times import FrameClock, SteadyClock
from tsm_tf.data.sources.probe import frame_times, probe
from tsm_tf.data.sources.video_file import iterate_frames


def test_times_that_are_in_order_stay_as_they_are(capsys):
    clock, times = SteadyClock(), [5.0, 5.0, 5.1, 9.0, 80_000.0]
    assert [clock.at(seconds) for seconds in times] == times
    assert capsys.readouterr().err == ""


def test_a_clock_that_restarts_continues(capsys):
    """At zero after an hour, far in the future, and in the past."""
    clock, seen = SteadyClock(), []
    for start in (3600.0, 0.0, 1e9, 50.0):
        seen += [clock.at(start + i / 4) for i in range(3)]
    expected = [3600 + step / 4 for step in (0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8)]
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "jumps by -3600.500 s" in lines[0]


def test_a_clock_with_a_step_continues_by_it(capsys):
    clock = SteadyClock(step=0.25, warns=False)
    seen = [clock.at(start + i / 4) for start in (3600.0, 0.0, 1e9) for i in range(3)]
    np.testing.assert_allclose(seen, 3600 + np.arange(9) / 4, atol=1e-6)
    assert capsys.readouterr().err == ""


def test_frames_in_the_wrong_order_do_not_move_the_clock(capsys):
    clock = SteadyClock()
    assert [clock.at(seconds) for seconds in (0, 0.1, 0.4, 0.2, 0.3, 0.5)] == [
        *(0, 0.1, 0.4, 0.4, 0.4),
        0.5,
    ]
    assert capsys.readouterr().err.count("warning") == 1


def frame(pts, dts):
    """A frame with times in tenths of a second."""
    made = av.VideoFrame(16, 16, "gray")
    made.time_base = fractions.Fraction(1, 10)
    made.pts, made.dts = pts, dts
    return made


@pytest.mark.parametrize(
    ("pts", "dts", "expected"),
    [
        ([5, 6, 9], [3, 4, 5], [0, 0.1, 0.4]),  # presentation times are better
        ([None, None, None], [3, 4, 6], [0, 0.1, 0.3]),  # than those of the packets
        ([None, None, None], [None, None, None], [0, 0.2, 0.4]),  # than the nominal step
        ([1, 3, 2, 5, 4, 7, 6], [1, 2, 3, 4, 5, 6, None], [0, 0.2, 0.2, 0.3, 0.4, 0.5, 0.7]),
        ([1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3], [0, 0.1, 0.2, 0.2, 0.2, 0.2]),
        ([21, 22, 23, 1, 2, 3], [21, 22, 23, 1, 2, 3], [0, 0.1, 0.2, 0.4, 0.5, 0.6]),
    ],
)
def test_best_effort(pts, dts, expected):
    clock = FrameClock(step=0.2)
    times = [clock.at(frame(p, d)) for p, d in zip(pts, dts, strict=True)]
    np.testing.assert_allclose(times, expected, atol=1e-9)


def test_containers_without_presentation_times():
    clock = FrameClock(step=0.1, has_presentation_times=False)
    pts, dts = [3, 4, 6, 5, 8], [3, 4, 5, 6, None]
    times = [clock.at(frame(p, d)) for p, d in zip(pts, dts, strict=True)]
    np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.3, 0.4], atol=1e-9)


def joined(folder):
    """Two transport streams joined as `cat` does: the times restart."""
    part = encode(folder / "part.ts", moving_square(15), options={"bf": "2"})
    path = folder / "joined.ts"
    path.write_bytes(2 * part.read_bytes())
    return path


def xvid(folder):
    """B-frames in an AVI, which stores no times: those of FFmpeg step back.

    The bit stream is packed: a packet holds two pictures, the next one a placeholder.
    """
    source = encode(
        folder / "plain.avi",
        moving_square(30),
        codec="mpeg4",
        options={"bf": "1", "b_strategy": "0", "g": "100"},
    )
    with av.open(str(source)) as container:
        plain = [bytes(packet) for packet in container.demux(video=0) if packet.size]

    packed = [b"\0\0\1\xb2DivX503b1393p\0" + plain[0]]
    for first, second in zip(plain[1::2], plain[2::2], strict=False):
        packed += [first + second, b"\0\0\1\xb6\x50\0\0"]
    packed += plain[2 * (len(packed) // 2) + 1 :]
    return write_packets(folder / "xvid.avi", source, packed)


def h264_in_avi(folder):
    return encode(folder / "h264.avi", moving_square(30), options={"bf": "2"})


@pytest.mark.parametrize("make", [joined, xvid, h264_in_avi])
def test_the_rate_is_right_where_times_step_back(tmp_path, capsys, make):
    """For all who ask: probe, sampling, and the frames of a stream."""
    path = make(tmp_path)
    info = probe(path)
    assert info.num_frames == 30 and info.fps == pytest.approx(10)
    assert info.duration == pytest.approx(3)
    np.testing.assert_allclose(frame_times(path), np.arange(30) / 10, atol=1e-6)
    streamed = [seconds for seconds, _ in iterate_frames(path)]
    np.testing.assert_allclose(streamed, np.arange(30) / 10, atol=1e-6)
    assert capsys.readouterr().err.count("warning") == (make is joined)


def test_times_of_packets_are_those_of_the_frames(tmp_path):
    """Where packets are counted, and where frames are."""
    times = [0, 1, 2, 7, 8, 20, 21, 22, 30, 31]
    for name, how in (
        ("a.mp4", {"options": {"bf": "2"}}),
        ("a.mkv", {"options": {"bf": "2"}}),
        ("a.ts", {"options": {"bf": "2"}}),
        ("a.webm", {"codec": "libvpx"}),
    ):
        path = encode(tmp_path / name, moving_square(10), times=times, **how)
        found = frame_times(path)
        np.testing.assert_allclose(found, np.array(times) / 10, atol=2e-3, err_msg=name)
        streamed = [seconds for seconds, _ in iterate_frames(path)]
        np.testing.assert_allclose(found, streamed, atol=1e-6, err_msg=name)


def test_a_cut_stream_starts_at_its_first_picture(tmp_path):
    options = {"g": "10", "bf": "0", "sc_threshold": "0"}
    whole = encode(tmp_path / "whole.ts", moving_square(30), options=options)
    path = cut_stream(tmp_path / "cut.ts", whole, 5)
    np.testing.assert_allclose(frame_times(path), np.arange(20) / 10, atol=1e-6)
