"""Covers `detector_results`, and the runners on files of detectors."""

import numpy as np
import pytest
from detectors import small_spec
from testing import refuses, video_frames

from export.runtime import ClipRunner, StreamRunner, load_runner
from export.runtime.detector_results import read_detections, result_shapes
from tsm_tf import ModelSpec

SPEC = small_spec(max_detections=3)
FRAMES = video_frames(3, 48, 64, 3)


def results(count, classes=(2, 0, 1)):
    """Outputs of a file for a frame of height 48 and width 64."""
    boxes = np.array([[0.25, 0.5, 0.75, 1], [0, 0, 0.5, 0.25], [0, 0, 1, 1]], np.float32)
    return {
        "boxes": boxes[None],
        "classes": np.array([classes], np.float32),
        "scores": np.array([[0.9, 0.5, 0.1]], np.float32),
        "count": np.array([count], np.float32),
    }


def test_boxes_are_in_pixels_of_the_input():
    boxes, classes, scores = read_detections(results(2), SPEC)
    np.testing.assert_array_equal(boxes, [[32, 12, 64, 36], [0, 0, 16, 24]])
    assert classes.tolist() == [2, 0] and classes.dtype == np.int32
    np.testing.assert_array_equal(scores, np.float32([0.9, 0.5]))
    assert [len(values) for values in read_detections(results(0), SPEC)] == [0, 0, 0]


@pytest.mark.parametrize("count", [np.nan, np.inf, -np.inf, -1, 1e30])
def test_whatever_a_file_gives_each_class_has_a_label(count):
    found = read_detections(results(count, (np.nan, 1e30, -5)), SPEC)
    assert len(found.boxes) == len(found.scores) == (3 if count > 0 else 0)
    assert set(found.classes.tolist()) <= {0, 1, 2}


def test_shapes_are_those_of_the_spec():
    assert result_shapes(SPEC)["boxes"] == (1, 3, 4) and result_shapes(SPEC)["count"] == (1,)
    assert result_shapes(ModelSpec()) == {"logits": None}


def test_a_runner_detects(detector_file):
    runner = StreamRunner(detector_file)
    assert runner.is_detector and runner.labels == ("cat", "dog", "fox")
    assert runner.shape == (48, 64, 3)
    found = [runner.step(frame) for frame in FRAMES]
    for boxes, classes, scores in found:
        assert len(boxes) == len(classes) == len(scores) > 1
        assert (np.diff(scores) <= 0).all() and scores[-1] > 0 and scores[0] < 1
        assert (boxes >= 0).all() and (boxes <= [64, 48, 64, 48]).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 0.99).all()

    later = runner.step(FRAMES[0])
    assert not np.array_equal(later.scores, found[0].scores)
    runner.reset()
    as_float = runner.step(FRAMES[0].astype("float32"))
    assert all(map(np.array_equal, as_float, found[0]))

    with refuses("frame", "(48, 64, 3)"):
        runner.step(FRAMES[0].swapaxes(0, 1))
    with refuses("model", "must be a classifier"):
        runner.check_classifier()
    assert isinstance(load_runner(detector_file), StreamRunner)
    with refuses("model", "must be a classifier", "a detector"):
        ClipRunner(detector_file)


def test_classifiers_pass_the_check(online):
    runner = StreamRunner(online)
    runner.check_classifier()
    assert not runner.is_detector
