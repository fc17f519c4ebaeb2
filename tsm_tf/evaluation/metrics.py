"""Accuracy figures from logits, in numpy."""

import numpy as np


def top_k(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """Returns the share of rows of `[N, C]` logits whose label is among the `k` largest (all, if `k` exceeds C)."""
    best = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return float((best == labels[:, None]).any(axis=1).mean())


def confusion_matrix(predicted: np.ndarray, labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns `int64 [num_classes, num_classes]` counts; a row is a true class, a column a predicted one."""
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (labels, predicted), 1)
    return counts


def per_class(confusion: np.ndarray) -> list[dict]:
    """Returns recall and precision of each class (None where there is nothing to divide by), and its videos."""
    right, actual, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    return [
        {
            "recall": float(right[i] / actual[i]) if actual[i] else None,
            "precision": float(right[i] / predicted[i]) if predicted[i] else None,
            "videos": int(actual[i]),
        }
        for i in range(len(confusion))
    ]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
