import os

import av
import numpy as np
import pytest
from testing import refuses, video_frames

from tsm_tf.camera.mp4 import Mp4File
from tsm_tf.data.record.clips import missing_clips, plan_clips
from tsm_tf.data.record.session import RecordingSession

FRAME = video_frames(48, 65, 3)  # an odd width


def session_of(folder, classes=("a", "b"), count=2, waits=True, last=None):
    lines = []
    clips = plan_clips(folder, classes, count)
    session = RecordingSession(
        missing_clips(clips), 1.0, 0.5, 10.0, waits=waits, last=last, report=lines.append
    )
    return session, lines


def play(session, first, end, step=0.1):
    """Feeds frames at the times from `first` to `end` in seconds; returns what was shown."""
    shown = []
    for seconds in np.arange(first, end - 1e-9, step):
        session.step(float(seconds), FRAME)
        shown.append(session.status())
    return shown


def times_of(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


def test_a_clip_has_its_frames_at_their_own_times(tmp_path):
    session, lines = session_of(tmp_path, waits=False)
    times = [0.0, 0.3, 0.6, 0.7, 0.95, 1.0, 1.55, 1.6]  # the camera is not steady
    for seconds in times:
        session.step(seconds, FRAME)
    assert lines == ["a 1/2: 5 frames, train/a/001.mp4"]
    # The countdown of 0.5 s ends at 0.6, and the frame at 1.6 is behind the clip.
    np.testing.assert_allclose(
        times_of(tmp_path / "train/a/001.mp4"), [0, 0.1, 0.35, 0.4, 0.95], atol=1e-3
    )
    with av.open(str(tmp_path / "train/a/001.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (64, 48)


def test_the_first_clip_of_a_class_waits_and_the_others_follow(tmp_path):
    session, lines = session_of(tmp_path)
    assert {status.line for status in play(session, 0, 3)} == {"press space to start"}

    session.press(" ")
    shown = play(session, 3, 8)
    assert list(dict.fromkeys((s.title, s.line) for s in shown)) == [
        ("a 1/2", "in 1"),
        ("a 1/2", "recording"),
        ("a 2/2", "press space to start"),  # until the next frame
        ("a 2/2", "in 1"),
        ("a 2/2", "recording"),
        ("b 1/2", "press space to start"),
    ]
    assert shown[10].share == pytest.approx(0.5) and shown[10].is_recording
    assert len(lines) == 2 and session.left == 2 and not session.is_over

    session.press("\r")
    play(session, 8, 12)
    assert session.status().line == "press space to finish" and not session.is_over
    session.press(" ")
    assert session.is_over and not session.has_quit and session.recorded == 4
    assert files(tmp_path) == [
        *("train/a/001.mp4", "train/b/001.mp4", "val/a/002.mp4", "val/b/002.mp4"),
    ]


def test_the_last_clip_is_taken_again(tmp_path):
    session, lines = session_of(tmp_path)
    session.press("r")  # nothing was recorded yet
    assert session.status() == ("a 1/2", "press space to start", 0.0, False)
    session.press(" ")
    play(session, 0, 2.0)  # into the countdown of the second clip
    before = (tmp_path / "train/a/001.mp4").read_bytes()

    session.press("r")
    play(session, 2.0, 2.9)
    assert session.status()[:2] == ("a 1/2", "recording")
    assert (tmp_path / "train/a/001.mp4").read_bytes() == before  # kept until the new one is whole
    play(session, 2.9, 3.7, step=0.2)
    assert (tmp_path / "train/a/001.mp4").read_bytes() != before
    assert [line.partition(":")[0] for line in lines] == ["a 1/2", "a 1/2"]
    assert session.recorded == 1 and session.left == 3

    play(session, 3.7, 10)
    session.press("r")  # the last of the class, while the next class waits
    play(session, 10, 11.7)
    assert [line.partition(":")[0] for line in lines] == ["a 1/2", "a 1/2", "a 2/2", "a 2/2"]
    assert session.status()[:2] == ("b 1/2", "press space to start")


def test_the_last_clip_of_an_earlier_run_is_taken_again(tmp_path):
    session, _ = session_of(tmp_path, waits=False)
    play(session, 0, 1.7)
    clips = plan_clips(tmp_path, ("a", "b"), 2)
    again, lines = session_of(tmp_path, last=clips[0])
    assert again.status().title == "a 2/2"
    again.press("r")
    play(again, 0, 1.7)
    assert lines == ["a 1/2: 10 frames, train/a/001.mp4"] and again.recorded == 0


@pytest.mark.parametrize("key", ["q", " ", "r"])
def test_a_clip_that_is_stopped_leaves_nothing(tmp_path, key):
    session, lines = session_of(tmp_path, waits=False)
    session.seconds = 9
    play(session, 0, 6)
    assert files(tmp_path) == ["train/a/.writing.001.mp4"]
    session.press(key)
    assert files(tmp_path) == [] and not lines
    assert session.has_quit == session.is_over == (key == "q")
    play(session, 6, 6.1)
    assert session.status()[:2] == ("a 1/2", "in 1" if key == "r" else "press space to start")


def test_other_keys_do_nothing(tmp_path):
    session, _ = session_of(tmp_path)
    for key in (None, "x", "\x00", "Q"):
        session.press(key)
    assert session.status() == ("a 1/2", "press space to start", 0.0, False)


def test_a_camera_that_is_too_slow(tmp_path):
    session, _ = session_of(tmp_path, waits=False)
    with refuses("seconds", "3 frames", "2 frames in a clip"):
        play(session, 0, 5, step=0.6)
    assert files(tmp_path) == []


@pytest.mark.parametrize("method", ["__init__", "write", "close"])
def test_a_full_disk_keeps_the_clips_before_it(tmp_path, monkeypatch, method):
    session, _ = session_of(tmp_path, waits=False)
    play(session, 0, 1.7)
    original = getattr(Mp4File, method)

    def fail(self, *arguments):
        if method == "close":
            original(self)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Mp4File, method, fail)
    with refuses("output", "No space left", "are kept", os.path.join("val", "a", "002.mp4")):
        play(session, 1.7, 5)
    assert files(tmp_path) == ["train/a/001.mp4"]
