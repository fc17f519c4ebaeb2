"""The modules `vid_ap` and `precision_recall`."""

import numpy as np
import pytest
from true_boxes import detected_boxes, golden_boxes, true_boxes

from tsm_tf.detection.evaluation.precision_recall import RECALLS, mean_average_precision, measure
from tsm_tf.detection.evaluation.vid_ap import (
    ALL,
    AREA_GROUPS,
    FAST,
    GROUPS,
    MEDIUM,
    SLOW,
    Group,
    vid_curves,
)


@pytest.fixture(scope="module")
def golden(golden_dir):
    return np.load(golden_dir / "detection.npz")


def precisions_of(detected, true, num_classes, groups):
    """Average precision `[groups, classes]`, with -1 where there is no object."""
    rows = [vid_curves(detected, true, number, groups) for number in range(num_classes)]
    values = [[-1 if c is None else c.average_precision for c in row] for row in rows]
    return np.array(values).T


def test_golden_values_by_motion(golden):
    true, detected = golden_boxes(golden)
    groups = (ALL, FAST, MEDIUM, SLOW)
    np.testing.assert_allclose(
        precisions_of(detected, true, 6, groups), golden["vid/ap_motion"], rtol=0, atol=1e-9
    )
    curves = [vid_curves(detected, true, number, groups) for number in range(6)]
    means = [mean_average_precision(list(column)) for column in zip(*curves, strict=True)]
    np.testing.assert_allclose(means, golden["vid/map_motion"], rtol=0, atol=1e-9)


def test_golden_values_by_area(golden):
    true, detected = golden_boxes(golden)
    np.testing.assert_allclose(
        precisions_of(detected, true, 6, (ALL, *AREA_GROUPS)),
        golden["vid/ap_area"],
        rtol=0,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        precisions_of(detected, true, 5, (ALL,))[0], golden["vid/ap"][:5], rtol=0, atol=1e-9
    )


def test_precision_is_that_of_the_best_later_recall():
    curve = measure(np.array([1, 0, 1, 0, 0]), np.array([0, 1, 0, 0, 1]), num_objects=4)
    assert curve is not None and curve.num_objects == 4
    assert curve.average_precision == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)
    expected = np.where(RECALLS <= 0.25, 1, np.where(RECALLS <= 0.5, 2 / 3, 0))
    np.testing.assert_allclose(curve.precisions, expected)


def test_no_object_has_no_precision_and_no_detection_has_zero():
    assert measure(np.array([0]), np.array([1]), num_objects=0) is None
    curve = measure(np.zeros(0), np.zeros(0), num_objects=2)
    assert curve is not None and curve.average_precision == 0 and not curve.precisions.any()
    assert mean_average_precision([None, curve]) == 0
    assert mean_average_precision([None]) is None


TRUE = true_boxes(
    [
        (0, 0, 0, 0, 50, 50, 0.5),  # fast
        (0, 0, 100, 0, 150, 50, 0.95),  # slow
        (0, 1, 200, 0, 250, 50, 0.95),
        (1, 0, 0, 0, 50, 50, 0.9),  # slow and medium
    ],
    num_frames=3,
)
HITS = [(0, 0, 0.5, 0, 0, 50, 50), (0, 0, 0.4, 100, 0, 150, 50), (1, 0, 0.3, 0, 0, 50, 50)]


@pytest.mark.parametrize(
    ("extra", "weights"),
    [
        # A detection without a box has the weight by which the precision of the first hit falls.
        ((0, 0, 0.9, 20, 20, 70, 70), {"all": 1, "fast": 1, "slow": 0}),  # overlaps a fast object
        ((0, 0, 0.9, 220, 0, 300, 99), {"all": 1, "fast": 0, "slow": 1}),  # a slow one, other class
        ((0, 0, 0.9, 0, 200, 9, 209), {"all": 1, "fast": 2 / 3, "slow": 1 / 3}),  # overlaps nothing
        ((2, 0, 0.9, 0, 0, 9, 9), {"all": 1, "fast": 1 / 4, "slow": 3 / 4}),  # a frame without any
    ],
)
def test_weights_of_false_alarms(extra, weights):
    detected = detected_boxes([*HITS, extra])
    curves = vid_curves(detected, TRUE, 0, (ALL, FAST, SLOW))
    counts = {"all": 3, "fast": 1, "slow": 2}
    for curve, (name, weight) in zip(curves, weights.items(), strict=True):
        assert curve is not None and curve.num_objects == counts[name]
        assert curve.average_precision == pytest.approx(counts[name] / (counts[name] + weight))


def test_a_detection_that_takes_an_object_of_another_group_is_ignored():
    detected = detected_boxes([(0, 0, 0.9, 0, 0, 50, 50), *HITS[1:]])  # the first is fast
    slow, fast = vid_curves(detected, TRUE, 0, (SLOW, FAST))
    assert slow is not None and fast is not None
    assert (slow.average_precision, fast.average_precision) == (1, 1)


def test_area_of_a_false_alarm_decides_where_it_counts():
    small, large = Group("small", area=(0, 2500)), Group("large", area=(2500, 1e9))
    detected = detected_boxes([(0, 0, 0.9, 0, 0, 300, 300), *HITS])
    curves = vid_curves(detected, TRUE, 0, (small, large))
    assert [curve and curve.average_precision for curve in curves] == [1, 0.75]


def test_borders_belong_to_both_groups():
    curves = vid_curves(detected_boxes(HITS), TRUE, 0, GROUPS)
    counts = {
        group.name: curve and curve.num_objects for group, curve in zip(GROUPS, curves, strict=True)
    }
    assert counts == {
        "all": 3,
        "slow": 2,
        "medium": 1,
        "fast": 1,
        "area_small": 3,
        "area_medium": 3,
        "area_large": None,
    }
