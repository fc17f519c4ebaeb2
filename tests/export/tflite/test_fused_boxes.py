import numpy as np
import pytest
from testing import array

from export.tflite.fused_boxes import FusedDetections, FusedProposals, fused
from tsm_tf.detection.detect_boxes import DetectBoxes
from tsm_tf.detection.propose import Proposals

HEIGHT, WIDTH = 60, 100


def anchors(count, rng):
    """Distinct boxes, many of which overlap."""
    corner = rng.uniform(-5, (WIDTH - 20, HEIGHT - 20), (count, 2))
    return np.concatenate([corner, corner + rng.uniform(8, 40, (count, 2))], 1).astype("f4")


@pytest.mark.parametrize("num_candidates", [1000, 40])
def test_proposals_are_those_of_keras(num_candidates):
    """All boxes compete, or the best 40 of 90."""
    rng = np.random.default_rng(num_candidates)
    layers = [kind(12, HEIGHT, WIDTH, 0.7, num_candidates) for kind in (Proposals, FusedProposals)]
    scores, deltas = rng.normal(size=(1, 90)).astype("f4"), rng.normal(size=(1, 90, 4)).astype("f4")
    boxes = anchors(90, rng)
    expected, actual = (array(layer(scores, deltas, boxes))[0] for layer in layers)
    assert len(np.unique(expected, axis=0)) == 12
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_missing_proposals_repeat_the_best():
    layer = FusedProposals(12, HEIGHT, WIDTH)
    scores, deltas = np.float32([[1, 3, 2]]), np.zeros((1, 3, 4), "f4")
    boxes = np.float32([[0, 0, 20, 20], [30, 30, 50, 50], [31, 31, 51, 51]])
    rois = array(layer(scores, deltas, boxes))[0]
    np.testing.assert_array_equal(rois[:2], boxes[[1, 0]])
    np.testing.assert_array_equal(rois[2:], boxes[[1] * 10])


@pytest.mark.parametrize(("limit", "threshold"), [(30, 0.05), (5, 0.001), (30, 0.6)])
def test_detections_are_those_of_keras(limit, threshold):
    """All, the best five, and none of some classes."""
    rng = np.random.default_rng(limit)
    layers = [kind(limit, HEIGHT, WIDTH, threshold) for kind in (DetectBoxes, FusedDetections)]
    rois = anchors(20, rng)[None]
    logits = rng.normal(0, 2, (1, 20, 6)).astype("f4")
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    deltas = rng.normal(size=(1, 20, 4)).astype("f4")

    expected, actual = ([array(x) for x in layer(rois, probabilities, deltas)] for layer in layers)
    boxes, classes, scores, count = actual
    assert expected[3][0] == count[0] > 1 and len(set(classes[0, : int(count[0])])) > 1
    np.testing.assert_allclose(boxes, expected[0], atol=1e-4)
    np.testing.assert_array_equal(classes, np.maximum(expected[1], 0))
    np.testing.assert_allclose(scores, expected[2], atol=1e-6)


def test_regions_of_repeated_proposals_count_once():
    rng = np.random.default_rng(3)
    layers = [kind(10, HEIGHT, WIDTH) for kind in (DetectBoxes, FusedDetections)]
    rois = np.repeat(anchors(2, rng), 4, axis=0)[None]
    probabilities = np.tile(np.float32([[0.1, 0.6, 0.3]]), (1, 8, 1))
    deltas = np.zeros((1, 8, 4), "f4")
    counts = [array(layer(rois, probabilities, deltas)[3])[0] for layer in layers]
    assert counts[0] == counts[1] <= 4


def test_other_layers_stay():
    pool = object()
    assert fused(pool) is pool
    proposals, boxes = Proposals(3, 8, 9, 0.5, 7), DetectBoxes(4, 8, 9, 0.2, 0.4)
    for layer, kind in ((proposals, FusedProposals), (boxes, FusedDetections)):
        assert type(fused(layer)) is kind and fused(layer).get_config() == layer.get_config()
