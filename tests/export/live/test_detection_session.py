"""Covers `detection_session`, and the command with a detector."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from detectors import small_spec
from testing import refuses, run_main, video_frames
from videos import encode

from export.live import __main__ as live
from export.live.detection_session import BOX_COLUMNS, COLUMNS, DetectionSession
from tsm_tf.detection.detections import Detections


class Runner:
    """A detector that finds given boxes and counts its resets."""

    spec = small_spec()
    labels = spec.labels
    runtime = "none"

    def __init__(self, *found):
        self.found, self.resets = iter(found), 0

    def step(self, frame):
        assert frame.shape == (48, 64, 3)
        return next(self.found)

    def reset(self):
        self.resets += 1


def found(*rows):
    """Detections from rows of class, score and box in pixels of the input."""
    values = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(values[:, 2:], values[:, 0].astype(np.int32), values[:, 1])


FIRST = found((2, 0.9, 4, 8, 20, 40), (0, 0.6, 0, 0, 60, 12), (2, 0.5, 1, 1, 9, 9))
LOW = (1, 0.499, 0, 0, 20, 20)


def test_rows_of_frames_and_boxes():
    """A frame of 96x96 is halved, and a quarter of the input is padding, which boxes do not reach.

    Boxes below the threshold are neither counted nor recorded.
    """
    session = DetectionSession(Runner(found(*map(tuple, _rows(FIRST)), LOW), found(LOW)), None, 0.5)
    frame = video_frames(96, 96, 3)
    row = session.step(7, 1.25, frame)
    assert tuple(row) == session.columns == COLUMNS
    assert list(row.values())[:3] == [7, 1.25, 3] and row["milliseconds"] > 0
    assert session.shown == "2 fox, 1 cat" and session.event == ""

    assert {tuple(each) for each in session.box_rows} == {BOX_COLUMNS}
    assert [tuple(each.values()) for each in session.box_rows] == [
        (7, 1.25, "fox", 0.9, 8.0, 16.0, 40.0, 80.0),
        (7, 1.25, "cat", 0.6, 0.0, 0.0, 96.0, 24.0),
        (7, 1.25, "fox", 0.5, 2.0, 2.0, 18.0, 18.0),
    ]
    assert session.step(8, 1.5, frame)["detections"] == 0
    assert session.box_rows == [] and session.shown == ""
    assert session.summary() == [
        "3 detections with a score of at least 0.5",
        "      2  fox",
        "      1  cat",
    ]
    assert len(session.milliseconds) == 2


def _rows(detections):
    return np.concatenate(
        [detections.classes[:, None], detections.scores[:, None], detections.boxes], axis=1
    )


def test_the_picture_has_the_boxes(monkeypatch):
    """In pixels of the enlarged frame; the best one is drawn last, in front."""
    drawn = []

    def draw(picture, boxes, texts, colors):
        drawn.append((boxes, texts, colors))
        return picture

    monkeypatch.setattr("export.live.detection_session.draw_boxes", draw)
    session = DetectionSession(Runner(FIRST, found()), None, 0.5)
    frame = video_frames(96, 96, 3)
    session.step(0, 0, frame)
    picture = session.picture(frame)
    assert picture.dtype == np.uint8 and picture.shape[0] % 2 == picture.shape[1] % 2 == 0

    ((boxes, texts, colors),) = drawn
    assert texts == ["fox 50%", "cat 60%", "fox 90%"] and colors[0] == colors[2] != colors[1]
    np.testing.assert_allclose(boxes[2], np.array([8, 16, 40, 80]) * 320 / 96, rtol=1e-5)
    session.step(1, 0.1, frame)
    session.picture(frame)
    assert drawn[1][1] == []


def test_boxes_are_drawn_on_the_frame():
    session = DetectionSession(Runner(FIRST, found()), None, 0.5)
    frame = np.full((96, 96, 3), 255, np.uint8)
    pictures = []
    for number in range(2):
        session.step(number, number / 10, frame)
        pictures.append(session.picture(frame))
    assert pictures[0].shape == pictures[1].shape
    changed = (pictures[0] != pictures[1])[:320].any(-1)
    assert 500 < changed.sum() < 0.5 * changed.size


def test_a_gap_resets_the_detector():
    runner = Runner(*[FIRST] * 4)
    session = DetectionSession(runner, 2.0, 0.5)
    for number, seconds in enumerate((0, 1, 4, 5)):
        session.step(number, seconds, video_frames(96, 96, 3))
    assert runner.resets == 1


def run_command(*arguments):
    """Runs the command in a process without Keras and TensorFlow, as on a device."""
    code = (
        "import runpy, sys; sys.modules.update(keras=None, tensorflow=None); "
        "runpy.run_module('export.live', run_name='__main__', alter_sys=True)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_records_boxes(detector_file, tmp_path):
    """A video of 5 frames per second, the detector's rate; its low scores need a low threshold."""
    video, output = tmp_path / "video.mp4", tmp_path / "out"
    encode(video, video_frames(6, 96, 128, 3), rate=5)
    done = run_command(
        f"--model={detector_file}", f"--video={video}", f"--output={output}", "--threshold=0.05"
    )
    assert done.returncode == 0, done.stderr
    assert "detections with a score of at least 0.05" in done.stdout
    names = ["detections.csv", "frames.csv", "stream.gif", "stream.mp4"]
    assert sorted(path.name for path in output.iterdir()) == names

    frames, boxes = (
        list(csv.DictReader((output / name).open(encoding="utf-8"))) for name in names[1::-1]
    )
    assert [row["frame"] for row in frames] == list("012345")
    counts = [sum(box["frame"] == row["frame"] for box in boxes) for row in frames]
    assert counts == [int(row["detections"]) for row in frames] and min(counts) > 0
    for box in boxes:
        assert box["label"] in ("cat", "dog", "fox") and float(box["score"]) >= 0.05
        x1, y1, x2, y2 = (float(box[name]) for name in BOX_COLUMNS[4:])
        assert 0 <= x1 < x2 <= 128 and 0 <= y1 < y2 <= 96


@pytest.mark.parametrize("flag", ["--events=e.jsonl", "--original_smoothing"])
def test_detectors_have_no_events(detector_file, flag):
    with refuses(flag[2:].partition("=")[0], "must be omitted for a detector"):
        run_main(live, f"--model={detector_file}", "--video=x.mp4", "--show", flag)


def test_classifiers_have_no_boxes(online):
    with refuses("threshold", "must be omitted for a classifier", "0.3"):
        run_main(live, f"--model={online}", "--video=x.mp4", "--show", "--threshold=0.3")
