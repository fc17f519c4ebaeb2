"""Accuracy figures computed from logits, in numpy."""

from typing import TypedDict

import numpy as np


class ClassMetrics(TypedDict):
    """Figures for one class; recall and precision are None if they are undefined (0/0)."""

    recall: float | None
    precision: float | None
    videos: int


def top_k(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Returns the share of rows whose label is among the `k` largest logits.

    Args:
        logits: `[N, C]`.
        labels: `[N]`.
        k: if it exceeds C, all rows count as correct.
    """
    best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns counts, `int64 [num_classes, num_classes]`: rows are true, columns predicted."""
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def per_class(confusion: np.ndarray) -> list[ClassMetrics]:
    """Returns recall, precision and the number of videos of each class."""
    correct = np.diag(confusion)
    actual = confusion.sum(axis=1)
    predicted = confusion.sum(axis=0)

    return [
        {
            "recall": _ratio(correct[i], actual[i]),
            "precision": _ratio(correct[i], predicted[i]),
            "videos": int(actual[i]),
        }
        for i in range(len(confusion))
    ]


def mean_class_accuracy(confusion: np.ndarray) -> float:
    """Returns the mean recall of the classes that have videos.

    This is the balanced accuracy of scikit-learn. It is also the mean class accuracy of MMAction2,
    except that a class without videos counts there, as 0, once a video is predicted to be in it.

    Args:
        confusion: counts `[C, C]` from `confusion_matrix`, with at least one video.
    """
    totals = confusion.sum(axis=1)
    return float((np.diag(confusion)[totals > 0] / totals[totals > 0]).mean())


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def _ratio(count, total):
    return float(count / total) if total else None
