import numpy as np
import pytest

from tsm_tf.multi_label.metrics import (
    average_precisions,
    cross_entropy,
    fit_thresholds,
    mean_average_precision,
)


def present(*rows):
    return np.array(rows, bool)


def test_average_precision_by_hand():
    scores = np.array([[4, 1, 0], [3, 2, 0], [2, 3, 0], [1, 4, 0]], np.float32)
    targets = present([1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0])
    # First class: ranks 1 and 3 are right: (1/1 + 2/3) / 2. Second: ranks 1 and 4: (1/1 + 2/4) / 2.
    first, second, third = average_precisions(scores, targets)
    assert (first, second, third) == (pytest.approx(5 / 6), pytest.approx(3 / 4), None)
    assert mean_average_precision(scores, targets) == pytest.approx((5 / 6 + 3 / 4) / 2)
    assert mean_average_precision(scores, np.zeros_like(targets)) == 0


def test_equal_scores_count_together():
    scores = np.array([[1.0], [1.0], [0.0]])
    assert average_precisions(scores, present([1], [0], [0])) == [0.5]


def test_thresholds_have_the_best_f1():
    probabilities = np.array(
        [
            [0.90, 0.9, 0.5, 0.0004, 0.3],
            [0.80, 0.6, 0.5, 0.0060, 0.3],
            [0.20, 0.4, 0.5, 0.0002, 0.3],
            [0.10, 0.3, 0.5, 0.0003, 0.3],
        ]
    )
    targets = present([1, 1, 0, 0, 1], [1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [0, 0, 0, 0, 1])
    # 0: every threshold above 0.2 and up to 0.8 separates, and the middle is taken. 1: F1 is 2/3
    # with 0.9 alone, 0.8 with three videos, 2/3 with all. 2: no video has the class. 3: between
    # 0.0004 and 0.006 are 0.001, 0.002, 0.005. 4: all thresholds up to 0.3: those of 0.001 to 0.3.
    assert fit_thresholds(probabilities, targets) == (0.51, 0.36, 0.5, 0.002, 0.14)


def test_a_threshold_counts_as_reached():
    assert fit_thresholds(np.array([[0.999], [0.5]]), present([1], [0])) == (0.77,)
    assert fit_thresholds(np.array([[0.999], [0.998]]), present([1], [0])) == (0.999,)


def test_a_class_that_is_never_found_has_some_threshold():
    (threshold,) = fit_thresholds(np.array([[0.0], [0.9]]), present([1], [0]))
    assert 0 < threshold < 1


def test_thresholds_against_every_threshold():
    rng = np.random.default_rng(0)
    probabilities = rng.random((40, 5))
    targets = rng.random((40, 5)) < probabilities
    thresholds = fit_thresholds(probabilities, targets)

    def f1(threshold, column):
        predicted = probabilities[:, column] >= threshold
        right = (predicted & targets[:, column]).sum()
        return 2 * right / (predicted.sum() + targets[:, column].sum())

    for column, threshold in enumerate(thresholds):
        best = max(f1(candidate / 1000, column) for candidate in range(10, 1000, 10))
        assert f1(threshold, column) == pytest.approx(best)


def test_cross_entropy_by_hand():
    logits = np.array([[0, 100], [-100, np.log(3)]], np.float32)
    targets = present([1, 1], [1, 0])
    expected = (np.log(2) + 0 + 100 + np.log(4)) / 4
    assert cross_entropy(logits, targets) == pytest.approx(expected, rel=1e-6)
