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
from export.live.__main__ import _override
from export.live.frame_clock import AtRate
from export.live.session import COLUMNS, Session, run
from export.live.smoothing import Smoother
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


def test_rows_and_counts_of_a_session():
    """The logits of two steps are averaged: [4, 0, 2], then [2, 1, 2.5]."""
    runner = Runner([[4, 0, 2], [0, 2, 3]])
    rules = SmoothingRules(averaged_steps=2, refractory_steps=0)
    session = Session(runner, Smoother(runner.labels, rules))
    frame = moving_square(1)[0]
    rows = [session.step(3 * i, i / 7, frame)[0] for i in range(2)]
    assert [(row["frame"], row["seconds"]) for row in rows] == [(0, 0.0), (3, 0.143)]
    assert [(row["predicted"], row["shown"]) for row in rows] == [("a", "a"), ("c", "c")]
    largest = [1 / (1 + np.exp(-4) + np.exp(-2)), 1 / (1 + np.exp(-3) + np.exp(-1))]
    np.testing.assert_allclose([row["probability"] for row in rows], largest, atol=5e-5)
    assert session.shown == {"a": 1, "c": 1} and len(session.milliseconds) == 2
    assert tuple(rows[0]) == COLUMNS and session.rate() > 0


def test_a_gap_resets_model_and_smoothing():
    runner = Runner([[9, 0, 0], [0, 1, 0], [9, 0, 0], [0, 1, 0]])
    session = Session(runner, Smoother(runner.labels), max_gap=2.0)
    frame = moving_square(1)[0]
    shown = [
        session.step(i, seconds, frame)[0]["shown"]
        for i, seconds in enumerate((0.0, 2.0, 3.0, 5.1))
    ]
    assert shown == ["a", "a", "a", "b"] and runner.resets == 1


def test_a_stream_is_reset_after_a_gap(online):
    runner, seen, frames = StreamRunner(online), [], video_frames(2, 32, 32, 3)
    step = runner.step
    runner.step = lambda frame: seen.append(step(frame)) or seen[-1]
    for max_gap in (None, 2.0):
        session = Session(runner, Smoother(runner.labels), max_gap)
        for number, seconds in enumerate((0.0, 2.5)):
            session.step(number, seconds, frames[number])
        runner.reset()
    Session(runner, Smoother(runner.labels)).step(0, 0.0, frames[1])
    fresh = seen[-1]
    assert not np.array_equal(seen[1], fresh) and np.array_equal(seen[3], fresh)


def test_flags_override_the_files_rules():
    rules = SmoothingRules(3, 2, ("a",), {"b": "c"})
    assert _override(rules, averaged_steps=None, refractory_steps=None) == rules
    changed = _override(rules, averaged_steps=5, refractory_steps=0)
    assert changed == SmoothingRules(5, 0, ("a",), {"b": "c"})


def test_q_ends_the_window(online, monkeypatch):
    import cv2

    drawn, keys = [], iter([-1, -1, ord("q"), -1])
    monkeypatch.setattr(cv2, "imshow", lambda name, picture: drawn.append(picture))
    monkeypatch.setattr(cv2, "waitKey", lambda delay: next(keys))
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    runner = StreamRunner(online)
    session = Session(runner, Smoother(runner.labels))
    run(
        session,
        AtRate([(i / 5, frame) for i, frame in enumerate(moving_square(6))], 5.0),
        None,
        show=True,
    )
    assert len(drawn) == session.shown.total() == len(session.milliseconds) == 3


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
