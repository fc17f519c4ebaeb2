"""Values by hand, and one that pycocotools 2.0.11 computed from the golden boxes."""

import numpy as np
import pytest
from true_boxes import detected_boxes, golden_boxes, true_boxes

from tsm_tf.detection.evaluation.coco_ap import coco_ap50

TRUE = true_boxes([(0, 0, 0, 0, 100, 100, 1), (1, 0, 0, 0, 10, 10, 1)], num_frames=2)


def test_small_boxes_need_an_overlap_of_one_half():
    """The second box is missed: IoU 5/15, which ImageNet-VID tolerates."""
    detected = detected_boxes([(0, 0, 0.9, 0, 0, 100, 80), (1, 0, 0.8, 5, 0, 15, 10)])
    assert coco_ap50(detected, TRUE, 0) == pytest.approx(51 / 101)
    assert coco_ap50(detected, TRUE, 1) is None


def test_the_best_hundred_of_a_frame_count():
    wrong = [(0, 0, 0.5, 200 + n, 200, 300, 300) for n in range(100)]
    best = (1, 0, 0.9, 0, 0, 10, 10)
    late = (0, 0, 0.4, 0, 0, 100, 100)
    assert coco_ap50(detected_boxes([*wrong, best, late]), TRUE, 0) == pytest.approx(51 / 101)
    kept = coco_ap50(detected_boxes([*wrong[1:], best, late]), TRUE, 0)
    assert kept == pytest.approx((51 + 50 * 2 / 101) / 101)


def test_values_of_pycocotools(golden_dir):
    true, detected = golden_boxes(np.load(golden_dir / "detection.npz"))
    expected = [0.270916103, 0.749504950, 0.436331133, 0.319065469, 0.473916104]
    values = [coco_ap50(detected, true, number) for number in range(6)]
    np.testing.assert_allclose(values[:5], expected, rtol=0, atol=1e-9)
    assert values[5] is None
