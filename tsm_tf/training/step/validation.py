"""Validates a multi-label model: mean average precision, and thresholds with the best F1."""

from typing import Any

import keras
import numpy as np

from tsm_tf.multi_label.metrics import cross_entropy, fit_thresholds, mean_average_precision
from tsm_tf.multi_label.sigmoid import sigmoid

MAP = "mAP"
"""Name of the metric in the log."""


def validate_multi_label(
    model: keras.Model,
    clips: Any,
    callbacks: Any,
) -> tuple[dict[str, float], tuple[float, ...]]:
    """Validates a model as Keras' `evaluate` does, and fits its thresholds.

    Average precision needs the order of all clips, which no metric that sees one batch at a time
    can give.

    Args:
        model: from clips to logits `[B, C]`.
        clips: a `tf.data.Dataset` of clips and classes, `float32 [B, C]`.
        callbacks: a `keras.callbacks.CallbackList` that is called as `evaluate` calls it, or None.

    Returns:
        The loss and the mean average precision, and the threshold of each class.
    """
    callbacks = callbacks or keras.callbacks.CallbackList()
    logits, targets = [], []

    callbacks.on_test_begin()
    for number, (batch, classes, *_) in enumerate(clips.as_numpy_iterator()):
        callbacks.on_test_batch_begin(number)
        # A model with replicas computes the batch on each of them.
        logits.append(np.asarray(model.predict_on_batch(batch), np.float32)[: len(batch)])
        targets.append(classes > 0)
        callbacks.on_test_batch_end(number)

    rows, present = np.concatenate(logits), np.concatenate(targets)
    results = {"loss": cross_entropy(rows, present), MAP: mean_average_precision(rows, present)}
    callbacks.on_test_end(results)
    return results, fit_thresholds(sigmoid(rows), present)
