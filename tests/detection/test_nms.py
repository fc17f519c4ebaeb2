import numpy as np
import pytest
from detection_golden import golden, half_open, tensors
from testing import array

from tsm_tf.detection import nms
from tsm_tf.detection.nms import non_maximum_suppression, select_boxes, use_selector


def greedy(boxes, scores, threshold):
    """The usual loop, with the indices of the kept boxes, best first."""
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        for j in kept:
            start = np.maximum(boxes[i, :2], boxes[j, :2])
            end = np.minimum(boxes[i, 2:], boxes[j, 2:])
            common = np.prod(np.maximum(end - start, 0))
            areas = np.prod(boxes[[i, j], 2:] - boxes[[i, j], :2], axis=-1)
            if common / (areas.sum() - common) > threshold:
                break
        else:
            kept.append(i)
    return kept


def some_boxes(*shape, seed=0):
    """Crowded boxes in a small picture, and distinct scores."""
    random = np.random.default_rng(seed)
    start, size = random.uniform(0, 40, (*shape, 2)), random.uniform(5, 30, (*shape, 2))
    return np.concatenate([start, start + size], axis=-1).astype(np.float32)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_golden(threshold):
    boxes, scores = half_open(golden()["nms/dets"][:, :4]), golden()["nms/dets"][:, 4]
    expected = golden()[f"nms/keep_{threshold}"]

    keep = array(non_maximum_suppression(*tensors(boxes, scores), threshold))
    np.testing.assert_array_equal(np.flatnonzero(keep), np.sort(expected))
    found, count = select_boxes(*tensors(boxes[None], scores[None, None]), threshold, 100)
    assert array(count).tolist() == [len(expected)]
    np.testing.assert_array_equal(array(found)[0, : len(expected)], expected)


def test_images_and_classes_are_independent():
    boxes = some_boxes(2, 60)
    scores = np.random.default_rng(1).permutation(2 * 3 * 60).reshape(2, 3, 60).astype(np.float32)
    found, count = select_boxes(*tensors(boxes, scores), 0.4, 40, 100.0)
    for image in range(2):
        kept = [60 * c + i for c in range(3) for i in greedy(boxes[image], scores[image, c], 0.4)]
        kept = [i for i in kept if scores[image].flat[i] > 100]
        kept.sort(key=lambda i: -scores[image].flat[i])
        assert len(kept) > 40 or image == 1
        assert array(count)[image] == min(len(kept), 40)
        expected = [*kept[:40], *[0] * (40 - len(kept))]
        np.testing.assert_array_equal(array(found)[image], expected)


def test_equal_scores_and_no_boxes():
    boxes = np.array([[[0, 0, 9, 9], [0, 0, 9, 9], [20, 0, 29, 9]]], np.float32)
    boxes, scores = tensors(boxes, np.ones((1, 1, 3), np.float32))
    found, count = select_boxes(boxes, scores, 0.5, 5)
    np.testing.assert_array_equal(array(found), [[0, 2, 0, 0, 0]])
    assert array(count).tolist() == [2]
    assert array(select_boxes(boxes, scores, 0.5, 5, 1.0)[1]).tolist() == [0]


def test_many_boxes_are_compared_one_image_at_a_time(monkeypatch):
    boxes, scores = tensors(some_boxes(3, 60), np.random.default_rng(1).random((3, 2, 60)))
    expected = select_boxes(boxes, scores, 0.5, 20, 0.1)
    monkeypatch.setattr(nms, "_MANY", 59)
    for ours, theirs in zip(select_boxes(boxes, scores, 0.5, 20, 0.1), expected, strict=True):
        np.testing.assert_array_equal(array(ours), array(theirs))


def test_another_selector_is_used_in_its_context_only():
    def fail(*arguments):
        raise NotImplementedError(arguments[2:])

    arguments = *tensors(some_boxes(1, 4), np.ones((1, 1, 4), np.float32)), 0.5, 2
    with pytest.raises(NotImplementedError, match=r"\(0\.5, 2, -inf\)"), use_selector(fail):
        select_boxes(*arguments)
    assert array(select_boxes(*arguments)[0]).shape == (1, 2)
