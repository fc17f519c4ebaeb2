"""The modules `matching` and `records`."""

import numpy as np
import pytest
from true_boxes import detected_boxes, true_boxes

from tsm_tf.detection.evaluation.matching import NONE, best_overlap, match, overlaps, pair

TRUE = true_boxes(
    [
        (0, 0, 0, 0, 40, 40, 1),
        (0, 0, 10, 0, 50, 40, 1),
        (2, 1, 0, 0, 10, 20, 1),
    ],
    num_frames=4,
)


def test_overlap_of_half_open_boxes():
    a = np.array([[0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 5, 5]], float)
    b = np.array([[1, 1, 3, 3], [2, 0, 4, 2], [0, 0, 2, 4], [5, 5, 5, 5]], float)
    np.testing.assert_array_equal(overlaps(a, b), [1 / 7, 0, 0.5, 0])


def test_small_boxes_tolerate_ten_pixels():
    boxes = true_boxes([(0, 0, 0, 0, 10, 20, 1), (0, 0, 0, 0, 100, 100, 1)], 1)
    np.testing.assert_array_equal(boxes.tolerances, [200 / (20 * 30), 0.5])


def test_pairs_boxes_of_the_same_frame():
    detected = detected_boxes(
        [(2, 0, 0.9, 0, 0, 10, 20), (1, 0, 0.8, 0, 0, 9, 9), (0, 0, 0.7, 0, 0, 40, 40)]
    )
    pairs = pair(detected, TRUE)
    assert pairs.detection.tolist() == [0, 2, 2] and pairs.true.tolist() == [2, 0, 1]
    np.testing.assert_allclose(pairs.overlap, [1, 1, 30 / 50])


def test_detections_choose_in_their_order_and_each_box_is_taken_once():
    detected = detected_boxes(
        [
            (0, 0, 0.9, 8, 0, 48, 40),  # overlaps both boxes, the second one more
            (0, 0, 0.8, 10, 0, 50, 40),  # equal to the second box, which is taken
            (0, 0, 0.7, 10, 0, 50, 40),  # has no box left
        ]
    )
    pairs = pair(detected, TRUE)
    assert match(pairs, pairs.overlap >= 0.5, 3).tolist() == [1, 0, NONE]
    assert match(pairs, pairs.overlap >= 0.7, 3).tolist() == [1, NONE, NONE]


def test_best_overlap_counts_some_boxes_only():
    detected = detected_boxes([(0, 0, 0.9, 0, 0, 40, 40), (1, 0, 0.8, 0, 0, 9, 9)])
    pairs = pair(detected, TRUE)
    np.testing.assert_allclose(best_overlap(pairs, pairs.true == 1, 2), [0.6, -1])
    np.testing.assert_allclose(best_overlap(pairs, pairs.true == 2, 2), [-1, -1])


def test_nothing_detected_and_nothing_there():
    nothing = detected_boxes([])
    pairs = pair(nothing, TRUE)
    assert match(pairs, pairs.overlap > 0, 0).shape == best_overlap(pairs, pairs.true > 0, 0).shape
    pairs = pair(detected_boxes([(1, 0, 0.5, 0, 0, 3, 3)]), true_boxes([], 2))
    assert match(pairs, pairs.overlap > 0, 1).tolist() == [NONE]


def test_order_by_score_keeps_the_order_of_frames_and_lines():
    rows = [
        (3, 0, 0.5, 0, 0, 1, 1),
        (1, 1, 0.5, 0, 0, 1, 1),
        (2, 0, 0.7, 0, 0, 1, 1),
        (1, 0, 0.5, 0, 0, 1, 1),
    ]
    ordered = detected_boxes(rows).best_first()
    assert list(zip(ordered.frames, ordered.classes, strict=True)) == [
        (2, 0),
        (1, 1),
        (1, 0),
        (3, 0),
    ]


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([True, False, True])])
def test_selects_rows(rows):
    detected = detected_boxes([(n, n, n / 10, n, 0, 9, 9) for n in range(3)])
    assert sorted(detected.select(rows).boxes[:, 0]) == [0, 2]
