import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from tsm_tf.evaluation.metrics import (
    confusion_matrix,
    mean_class_accuracy,
    per_class,
    softmax,
    top_k,
)

LOGITS = np.array([[3.0, 1, 2], [0, 5, 1], [1, 2, 3], [9, 8, 7]])
LABELS = np.array([0, 2, 1, 2])


def test_top_k_by_hand():
    assert top_k(LOGITS, LABELS, 1) == 0.25
    assert top_k(LOGITS, LABELS, 2) == 0.75
    assert top_k(LOGITS, LABELS, 9) == 1


def test_equal_logits_rank_by_class_number():
    logits = np.array([[1.0, 1, 1], [1, 1, 1]])
    assert top_k(logits, np.array([0, 2]), 1) == 0.5
    assert top_k(logits, np.array([0, 2]), 2) == 0.5


def test_confusion_and_figures_of_each_class_by_hand():
    confusion = confusion_matrix(LOGITS.argmax(1), LABELS, 3)
    assert confusion.tolist() == [[1, 0, 0], [0, 0, 1], [1, 1, 0]]
    assert per_class(confusion) == [
        {"recall": 1.0, "precision": 0.5, "videos": 1},
        {"recall": 0.0, "precision": 0.0, "videos": 1},
        {"recall": 0.0, "precision": 0.0, "videos": 2},
    ]


def test_undefined_figures_are_none():
    assert per_class(np.zeros((1, 1), int)) == [{"recall": None, "precision": None, "videos": 0}]
    assert per_class(np.array([[0, 2], [0, 0]])) == [
        {"recall": 0.0, "precision": None, "videos": 2},
        {"recall": None, "precision": 0.0, "videos": 0},
    ]


def test_softmax_by_hand_and_without_overflow():
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])
    np.testing.assert_allclose(
        softmax(np.log([[1.0, 3.0], [2.0, 2.0]])), [[0.25, 0.75], [0.5, 0.5]]
    )


def test_mean_class_accuracy_by_hand():
    assert mean_class_accuracy(np.array([[9, 1], [1, 1]])) == pytest.approx(0.7)
    assert mean_class_accuracy(np.array([[1, 3, 0], [0, 0, 0], [0, 0, 2]])) == 0.625


def test_mean_class_accuracy_is_scikit_learns():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 7, 200), rng.integers(0, 7, 200)
    confusion = confusion_matrix(predicted, labels, 9)
    expected = balanced_accuracy_score(labels, predicted)
    assert mean_class_accuracy(confusion) == pytest.approx(expected)
