"""Covers `session` and the command."""

import csv
import signal
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from PIL import Image
from testing import video_frames
from videos import encode, moving_square, natural_videos

from export.format.smoothing_rules import SmoothingRules
from export.live.__main__ import _decoder
from export.live.events import EventDecoder, EventRules
from export.live.frame_clock import AtRate
from export.live.session import COLUMNS, Session, run
from export.live.smoothing import SmoothedEvents, Smoother
from export.runtime import StreamRunner
from tsm_tf import ModelSpec


class Runner:
    """A model that returns given logits and counts its resets."""

    spec = ModelSpec(num_classes=3, labels=("a", "b", "c"), input_size=32, width=0.35)
    labels = spec.labels
    runtime = "none"

    def __init__(self, logits):
        self.logits, self.resets = iter(np.array(logits, np.float32)), 0

    def step(self, frame):
        assert frame.shape == (32, 32, 3)
        return next(self.logits)

    def reset(self):
        self.resets += 1


def test_rows_and_events_of_a_session():
    """The means of the probabilities follow half of each change: 0.9, 0.5, then 0.3 and 0.7."""
    rules = EventRules(
        smoothing_seconds=0.25 / np.log(2),
        open_probability=0.6,
        close_probability=0.4,
        min_seconds=0,
        refractory_seconds=0,
    )
    runner = Runner(np.log([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.1, 0.05, 0.85]]))
    heard = []
    session = Session(runner, EventDecoder("abc", rules, "b"), listeners=[heard.append])
    frame = moving_square(1)[0]
    rows = [session.step(3 * i, i / 4, frame) for i in range(3)]
    assert [tuple(row.values())[:-1] for row in rows] == [
        (0, 0.0, "a", 0.9, "a", 0.9, "a", "a"),
        (3, 0.25, "b", 0.85, "a", 0.5, "a", ""),
        (6, 0.5, "c", 0.85, "c", 0.45, "b", ""),
    ]
    assert [(event.label, event.seconds) for event in heard] == [("a", 0.0)]
    assert session.events == {"a": 1} and len(session.milliseconds) == 3
    assert tuple(rows[0]) == COLUMNS
    assert session.picture(frame).shape == (484, 426, 3)


def test_the_picture_shows_what_the_row_says(monkeypatch):
    """Label, bars and events are those of the decoder, not those of the frame alone."""
    drawn = []
    monkeypatch.setattr("export.live.session.annotate", lambda *given: drawn.append(given))
    runner = Runner(np.log([[0.9, 0.05, 0.05], [0.2, 0.75, 0.05]]))
    rules = SmoothingRules(averaged_steps=2, refractory_steps=0)
    session = Session(runner, SmoothedEvents(Smoother(runner.labels, rules)))
    frame = moving_square(1)[0]
    rows = []
    for i in range(2):
        rows.append(session.step(i, i / 4, frame))
        session.picture(frame)
    assert [row["predicted"] for row in rows] == ["a", "b"]
    for row, (_, shown, labels, probabilities, events, status) in zip(rows, drawn, strict=True):
        assert shown == row["shown"] == labels[probabilities.argmax()] == "a"
        assert row["smoothed_probability"] == round(float(probabilities.max()), 4)
        assert [event.label for event in events] == ["a"] and f"{row['seconds']:.2f} s" in status


def test_a_gap_resets_model_and_smoothing():
    runner = Runner([[9, 0, 0], [0, 1, 0], [9, 0, 0], [0, 1, 0]])
    session = Session(runner, SmoothedEvents(Smoother(runner.labels)), max_gap=2.0)
    frame = moving_square(1)[0]
    shown = [
        session.step(i, seconds, frame)["shown"] for i, seconds in enumerate((0.0, 2.0, 3.0, 5.1))
    ]
    assert shown == ["a", "a", "a", "b"] and runner.resets == 1


def test_a_gap_resets_the_events():
    """After the gap, the same class is recognised again."""
    runner = Runner([[9, 0, 0], [9, 0, 0], [9, 0, 0]])
    session = Session(runner, EventDecoder("abc", EventRules(min_seconds=0)), max_gap=2.0)
    frame = moving_square(1)[0]
    rows = [session.step(i, seconds, frame) for i, seconds in enumerate((0.0, 1.0, 3.5))]
    assert [row["event"] for row in rows] == ["a", "", "a"] and session.events == {"a": 2}


def test_a_stream_is_reset_after_a_gap(online):
    runner, seen, frames = StreamRunner(online), [], video_frames(2, 32, 32, 3)
    step = runner.step
    runner.step = lambda frame: seen.append(step(frame)) or seen[-1]
    for max_gap in (None, 2.0):
        session = Session(runner, EventDecoder.of(runner.spec), max_gap)
        for number, seconds in enumerate((0.0, 2.5)):
            session.step(number, seconds, frames[number])
        runner.reset()
    Session(runner, EventDecoder.of(runner.spec)).step(0, 0.0, frames[1])
    fresh = seen[-1]
    assert not np.array_equal(seen[1], fresh) and np.array_equal(seen[3], fresh)


def test_flags_choose_the_original_smoothing():
    runner = Runner([])
    runner.smoothing = SmoothingRules(3, 2, ("a",), {"b": "c"})
    none = {"averaged_steps": None, "refractory_steps": None}
    assert isinstance(_decoder(runner, False, **none), EventDecoder)
    for flag, changes, expected in (
        (True, {}, (3, 2)),
        (False, {"averaged_steps": 5}, (5, 2)),
        (True, {"averaged_steps": 5, "refractory_steps": 0}, (5, 0)),
    ):
        decoder = _decoder(runner, flag, **none | changes)
        assert decoder.smoother.rules == SmoothingRules(*expected, ("a",), {"b": "c"})


def test_q_ends_the_window(online, monkeypatch):
    import cv2

    drawn, keys = [], iter([-1, -1, ord("q"), -1])
    monkeypatch.setattr(cv2, "imshow", lambda name, picture: drawn.append(picture))
    monkeypatch.setattr(cv2, "waitKey", lambda delay: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    runner = StreamRunner(online)
    session = Session(runner, EventDecoder.of(runner.spec))
    run(
        session,
        AtRate([(i / 5, frame) for i, frame in enumerate(moving_square(6))], 5.0),
        None,
        show=True,
    )
    assert len(drawn) == len(session.milliseconds) == 3


def command(*arguments):
    """The command in a process without Keras and TensorFlow, as on a device."""
    code = (
        "import runpy, sys; sys.modules.update(keras=None, tensorflow=None); "
        "runpy.run_module('export.live', run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-c", code, *map(str, arguments)]


def assert_whole(folder):
    """Checks that all three files are complete and agree; returns the CSV's rows."""
    assert sorted(path.name for path in folder.iterdir()) == [
        "frames.csv",
        "stream.gif",
        "stream.mp4",
    ]
    with av.open(str(folder / "stream.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.height > 320 and stream.height % 2 == stream.width % 2 == 0
        times = [frame.time for frame in container.decode(stream)]
    with (folder / "frames.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_allclose(times, [float(row["seconds"]) for row in rows], atol=2e-3)
    with Image.open(folder / "stream.gif") as gif:
        assert gif.n_frames >= 1
    return rows


@pytest.mark.parametrize("path", natural_videos()[:2], ids=lambda path: path.stem)
def test_natural_video(online, tmp_path, path):
    done = subprocess.run(
        command(f"--model={online}", f"--video={path}", f"--output={tmp_path}"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = assert_whole(tmp_path)
    gaps = np.diff([float(row["seconds"]) for row in rows])
    assert gaps.mean() == pytest.approx(1 / 5, rel=0.1)
    assert "the model's 5 frames/s" in done.stdout and "frames dropped" in done.stdout


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    frames = np.tile(moving_square(40, 241, 180), (15, 1, 1, 1))[:, :240]
    return encode(
        tmp_path_factory.mktemp("long") / "long.mp4", frames, options={"preset": "ultrafast"}
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way_leaves_whole_files(online, long_video, tmp_path, number):
    process = subprocess.Popen(
        command(f"--model={online}", f"--video={long_video}", f"--output={tmp_path / 'out'}"),
        stderr=subprocess.PIPE,
    )
    while not (tmp_path / "out" / ".writing.stream.mp4").is_file() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number, error
    assert 0 < len(assert_whole(tmp_path / "out")) < 300


def test_video_that_breaks_off(online, long_video, tmp_path):
    broken = tmp_path / "broken.mkv"
    with av.open(str(long_video)) as source, av.open(str(broken), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.dts is None or number > 100:
                break
            if number == 60:
                packet = av.Packet(b"\0" * 40)
            packet.stream = stream
            target.mux(packet)
    done = subprocess.run(
        command(f"--model={online}", f"--video={broken}", f"--output={tmp_path / 'out'}"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "broken.mkv" in done.stderr and "Traceback" not in done.stderr
    assert len(assert_whole(tmp_path / "out")) > 5


def test_a_file_whose_times_step_back(online, tmp_path):
    """Its clock leaps by 38 s and back, as where recordings were joined."""
    path = tmp_path / "joined.mp4"
    with av.open(str(path), "w") as target:
        options = {"preset": "ultrafast", "tune": "zerolatency"}  # a packet per frame
        stream = target.add_stream("libx264", rate=10, options=options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for number, picture in enumerate(moving_square(60)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                packet.dts, packet.pts = number, (200, 600, 400)[number // 20] + number % 20
                target.mux(packet)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.diff(times).min() < -15 and len(times) == 60  # a real file with such times

    done = subprocess.run(
        command(f"--model={online}", f"--video={path}", f"--output={tmp_path / 'out'}"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr.count("warning: the time of a frame") == 1, done
    rows = assert_whole(tmp_path / "out")
    gaps = np.diff([float(row["seconds"]) for row in rows])
    assert len(rows) == 30 and gaps.min() > 0.15
    assert [round(gap, 1) for gap in gaps if gap > 0.35] == [38.2]


def test_refuses(online, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    for arguments, part in (
        ([f"--output={tmp_path / 'o'}"], "`video` must be given"),
        (["--video=gone.mp4", f"--output={tmp_path / 'o'}"], "gone.mp4"),
        (["--video=gone.mp4"], "`output`"),
        (["--video=gone.mp4", f"--output={tmp_path / 'full'}"], "`output` must be a new"),
        (
            ["--video=gone.mp4", f"--output={tmp_path / 'full' / 'mine'}"],
            "`output` must be a folder",
        ),
        (["--camera=77", f"--output={tmp_path / 'o'}"], "`camera`"),
    ):
        done = subprocess.run(
            command(f"--model={online}", *arguments), capture_output=True, text=True
        )
        said = [
            line
            for line in done.stderr.splitlines()
            if not line.startswith("INFO: Created TensorFlow Lite")
        ]
        assert done.returncode == 1 and len(said) == 1 and part in said[0], done.stderr
        assert not (tmp_path / "o").exists()
