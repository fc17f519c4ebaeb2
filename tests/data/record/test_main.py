"""The command, with a video file as the camera and without a window."""

import json

import numpy as np
import pytest
from testing import refuses, run_main
from videos import encode, moving_square

from tsm_tf.camera import window
from tsm_tf.camera.capture import Camera
from tsm_tf.data.record import __main__ as command
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import read_frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of 9 s whose frames show their number."""
    path = tmp_path_factory.mktemp("camera") / "film.mp4"
    return encode(path, moving_square(90), options={"crf": "5"})


def record(output, video, *more, classes="wave,nothing"):
    run_main(
        command,
        *(f"--classes={classes}", f"--output={output}", f"--video={video}", "--noshow"),
        *("--clips=2", "--seconds=1.5", "--countdown=0.5", *more),
    )


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))


CLIPS = ["train/nothing/001.mp4", "train/wave/001.mp4", "val/nothing/002.mp4", "val/wave/002.mp4"]


def test_a_recording(tmp_path, video, capsys):
    record(tmp_path / "mine", video)
    assert files(tmp_path / "mine") == ["background.txt", "record.json", *CLIPS]
    assert (tmp_path / "mine/background.txt").read_text() == "nothing\n"
    shown = capsys.readouterr().out.splitlines()
    assert shown[:4] == [
        "4 clips of 2 classes; 0 are recorded",
        "  wave 1/2: in 1",
        "  wave 1/2: recording",
        "wave 1/2: 15 frames, train/wave/001.mp4",
    ]
    assert "python -m tsm_tf.training --recipe=gestures" in shown[-2] and "mine" in shown[-2]
    assert "python -m export.live" in shown[-1] and "mine-model" in shown[-1]

    # The clips are parts of the film, in its order.
    film = read_frames(video, range(90)).astype(int)
    for number, path in enumerate((CLIPS[1], CLIPS[3], CLIPS[0], CLIPS[2])):
        clip = tmp_path / "mine" / path
        assert probe(clip).num_frames == 15 and probe(clip).fps == pytest.approx(10, abs=0.01)
        first = read_frames(clip, [0])[0].astype(int)
        differences = np.abs(film - first).mean(axis=(1, 2, 3))
        assert differences.argmin() == 5 + 21 * number

    before = {path: (tmp_path / "mine" / path).read_bytes() for path in CLIPS}
    record(tmp_path / "mine", video)  # nothing is left to record
    assert capsys.readouterr().out.startswith("4 clips of 2 classes; 4 are recorded")
    assert before == {path: (tmp_path / "mine" / path).read_bytes() for path in CLIPS}


def test_a_stopped_recording_is_continued(tmp_path, video):
    output = tmp_path / "mine"
    with refuses("video", "3 clips were recorded and kept, 1 are left", str(video)):
        record(output, video, "--seconds=2")
    assert files(output) == ["background.txt", "record.json", *CLIPS[:2], CLIPS[3]]
    before = (output / CLIPS[0]).read_bytes()
    (output / "train/wave/.writing.001.mp4").touch()  # as a killed process leaves it
    record(output, video)
    assert files(output) == ["background.txt", "record.json", *CLIPS]
    assert (output / CLIPS[0]).read_bytes() == before


def test_more_classes_are_added_later(tmp_path, video):
    record(tmp_path, video, classes="wave,point")
    assert not (tmp_path / "background.txt").exists()
    record(tmp_path, video, "--background=other", classes="wave,point,other")
    assert (tmp_path / "background.txt").read_text() == "other\n"
    assert {path.name for path in (tmp_path / "train").iterdir()} == {"wave", "point", "other"}


def test_a_window_and_its_keys(tmp_path, video, monkeypatch, capsys):
    """A camera, which OpenCV reads from a file, and a performer who takes one clip again."""
    pictures = []

    def draw(picture):
        pictures.append(picture)
        return {1: " ", 35: "r"}.get(len(pictures))

    def times(camera):
        for number in range(90):
            yield number / 10, moving_square(1, 48, 64)[0]

    monkeypatch.setattr(window, "open_window", lambda *_: None)
    monkeypatch.setattr(window, "draw", draw)
    monkeypatch.setattr(Camera, "__iter__", times)
    monkeypatch.setattr("tsm_tf.data.record.run.Capture", lambda frames, *_, **__: Closing(frames))
    with refuses("camera", "1 clips were recorded and kept", "plug it in", "camera"):
        run_main(
            command,
            *("--classes=wave,point", f"--output={tmp_path}", f"--camera={video}", "--clips=2"),
            *("--seconds=2", "--countdown=1"),
        )
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["wave 1/2", "wave 1/2"]
    assert {picture.shape for picture in pictures} == {(416, 426, 3)}
    red = [(p[..., 0].astype(int) - p[..., 2] > 100).sum() for p in pictures]
    assert red[0] == 0 and red[15] > red[12] > 0  # the bar of the recording grows


class Closing:
    def __init__(self, frames):
        self.frames = frames

    def __iter__(self):
        return iter(self.frames)

    def close(self):
        self.frames.close()


def test_quitting_keeps_what_was_recorded(tmp_path, video, monkeypatch, capsys):
    keys = iter([None] * 30 + ["q"])
    monkeypatch.setattr(window, "open_window", lambda *_: None)
    monkeypatch.setattr(window, "draw", lambda _: next(keys))
    record(tmp_path, video, "--show")
    last = capsys.readouterr().out.splitlines()[-1]
    expected = "1 clips were recorded and kept, 3 are left; run the same command again to continue"
    assert last == expected
    assert files(tmp_path) == ["background.txt", "record.json", "train/wave/001.mp4"]


def test_ctrl_c_keeps_what_was_recorded(tmp_path, video, monkeypatch, capsys):
    def stop(picture):
        raise KeyboardInterrupt

    monkeypatch.setattr(window, "open_window", lambda *_: None)
    monkeypatch.setattr(window, "draw", stop)
    with pytest.raises(KeyboardInterrupt):
        record(tmp_path, video, "--show", "--countdown=0")
    assert "0 clips were recorded and kept, 4 are left" in capsys.readouterr().out
    assert files(tmp_path) == ["background.txt", "record.json"]


def test_what_is_refused_before_anything_is_written(tmp_path, video, monkeypatch):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "holiday.mp4").touch()
    with refuses("output", "new or empty folder", "foreign"):
        record(foreign, video)
    (foreign / "record.json").write_text(json.dumps({"written_by": "someone else"}))
    with refuses("output", "someone else"):
        record(foreign, video)
    assert files(foreign) == ["holiday.mp4", "record.json"]

    output = tmp_path / "mine"
    with refuses("camera", "number or path", "/dev/video77"):
        run_main(command, "--classes=a,b", f"--output={output}", "--camera=/dev/video77")
    with refuses("video", "existing file"):
        record(output, tmp_path / "missing.mp4")
    with refuses("video", "decoded"):
        record(output, __file__)
    with refuses("classes", "at least two"):
        record(output, video, classes="wave")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with refuses("show", "--noshow records without one"):
        record(output, video, "--show")
    (tmp_path / "file").touch()
    with refuses("output", "must be a folder"):
        record(tmp_path / "file", video)
    with refuses("output", "must be writable"):
        record(tmp_path / "file" / "below", video)
    assert not output.exists()
