"""Probabilities of classes that do not exclude each other. Needs numpy only."""

import numpy as np


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Returns the probability of each class, `float64`, of the logits' shape."""
    logits = np.asarray(logits, np.float64)
    small = np.exp(-np.abs(logits))  # never overflows
    return np.where(logits >= 0, 1, small) / (1 + small)
