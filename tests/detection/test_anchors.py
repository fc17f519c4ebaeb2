import numpy as np
from detection_golden import golden, half_open
from testing import array

from tsm_tf.detection.anchors import all_anchors, assign_anchors, base_anchors

RATIOS = (0.5, 1, 2)


def test_golden_base_anchors():
    for name, base in (
        ("base9", base_anchors(16, RATIOS, (8, 16, 32))),
        ("base_stride8_2x2", base_anchors(8, (1, 2), (2, 4))),
    ):
        np.testing.assert_allclose(base, half_open(golden()[f"anchors/{name}"]), atol=1e-9)


def test_order_of_all_anchors():
    base = np.array([[0, 0, 8, 8], [-4, -2, 12, 10]], np.float32)
    expected = [[8 * x, 8 * y] * 2 + b for y in range(2) for x in range(3) for b in base]
    np.testing.assert_array_equal(all_anchors(2, 3, 8, base), expected)


def from_rows(values):
    """From the order row, column, anchor to the golden one: anchor, row, column."""
    return values.reshape(17, 25, 9, *values.shape[1:]).swapaxes(1, 2).swapaxes(0, 1)


def test_golden_assignment():
    true = golden()["anchors/assign_gt"]
    padded = np.concatenate([true, np.full((2, 5), -1, np.float32)])[None]  # padding has no effect
    anchors = all_anchors(17, 25, 16, base_anchors(16, RATIOS, (2, 4, 8)))
    labels, deltas = assign_anchors(
        anchors,
        half_open(padded[..., :4]),
        padded[..., 4] >= 0,
        272,
        400,
    )

    expected = golden()["anchors/assign_label"].reshape(9, 17, 25)
    np.testing.assert_array_equal(from_rows(array(labels)[0]), expected)
    assert {*expected.flat} == {-1, 0, 1}
    found = np.moveaxis(from_rows(array(deltas)[0]), -1, 1)  # [9, 4, 17, 25]
    weighted = golden()["anchors/assign_target"] * golden()["anchors/assign_weight"]
    np.testing.assert_allclose(found, weighted.reshape(found.shape), atol=1e-4)


def test_small_boxes_get_their_best_anchors():
    anchors = np.array([[0, 0, 8, 8], [8, 0, 16, 8], [0, 8, 8, 16], [-1, 0, 7, 8]], np.float32)
    boxes = np.array(
        [
            [[6, 2, 10, 4], [90, 90, 99, 99]],  # a tie; out of reach of all anchors
            [[2, 2, 4, 4], [0, 0, 0, 0]],
        ],
        np.float32,
    )
    valid = np.array([[True, True], [False, False]])  # the second image has no objects
    labels, deltas = assign_anchors(anchors, boxes, valid, 16, 16)

    np.testing.assert_array_equal(array(labels), [[1, 1, 0, -1], [0, 0, 0, -1]])
    np.testing.assert_array_equal(array(deltas)[:, 2:], 0)
    np.testing.assert_allclose(array(deltas)[0, 0, :2], [5, -1.25])
