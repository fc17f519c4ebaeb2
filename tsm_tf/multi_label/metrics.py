"""Average precision, and the thresholds with the best F1."""

import numpy as np
from sklearn.metrics import average_precision_score

from tsm_tf.spec import DEFAULT_THRESHOLD

_CANDIDATES = np.array(
    [0.001, 0.002, 0.005, *(percent / 100 for percent in range(1, 100)), 0.995, 0.998, 0.999]
)


def average_precisions(scores: np.ndarray, targets: np.ndarray) -> list[float | None]:
    """Returns the average precision of each class, as scikit-learn computes it.

    Args:
        scores: `[N, C]`, logits or probabilities, not rounded.
        targets: `bool [N, C]`, the classes of each video.

    Returns:
        One number from 0 to 1 per class; None for a class that no video has.
    """
    return [
        float(average_precision_score(present, column)) if present.any() else None
        for column, present in zip(scores.T, targets.T, strict=True)
    ]


def mean_average_precision(scores: np.ndarray, targets: np.ndarray) -> float:
    """Returns the mean of `average_precisions` over the classes that a video has; 0 without any."""
    known = [value for value in average_precisions(scores, targets) if value is not None]
    return float(np.mean(known)) if known else 0.0


def fit_thresholds(probabilities: np.ndarray, targets: np.ndarray) -> tuple[float, ...]:
    """Returns for each class the threshold with the best F1.

    Of several equally good ones it is the middle one, which is the furthest from both sides.

    Args:
        probabilities: `[N, C]`, from 0 to 1.
        targets: `bool [N, C]`, the classes of each video.

    Returns:
        One of a fixed set of thresholds from 0.001 to 0.999 per class; 0.5 for a class that no
        video has.
    """
    return tuple(
        _best_threshold(column, present) if present.any() else DEFAULT_THRESHOLD
        for column, present in zip(probabilities.T, targets.T, strict=True)
    )


def _best_threshold(probabilities, present):
    ordered, positives = np.sort(probabilities), np.sort(probabilities[present])
    predicted = len(ordered) - np.searchsorted(ordered, _CANDIDATES)  # at or above the threshold
    true_positives = len(positives) - np.searchsorted(positives, _CANDIDATES)

    f1 = 2 * true_positives / (predicted + len(positives))
    best = np.flatnonzero(f1 == f1.max())
    return float(_CANDIDATES[best[len(best) // 2]])


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Returns the mean sigmoid cross-entropy over videos and classes, both `[N, C]`."""
    logits = logits.astype(np.float64)
    losses = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return float(losses.mean())
