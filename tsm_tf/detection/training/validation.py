"""Validates a detector during its training: the loss, and the mean average precision."""

from typing import Any

import keras
import numpy as np

from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes
from tsm_tf.detection.evaluation.vid_ap import ALL, vid_curves
from tsm_tf.detection.rfcn import DETECTIONS

MAP = "mAP"
"""Name of the metric in the log."""


def validate(model: Any, clips: Any, callbacks: Any) -> dict[str, float]:
    """Validates a model as Keras' `evaluate` does, on all frames of the clips.

    The average precision is that of ImageNet-VID, in pixels of the network's input.

    Args:
        model: a `DetectorTraining`.
        clips: a `tf.data.Dataset` of clips and targets.
        callbacks: a `keras.callbacks.CallbackList` that is called as `evaluate` calls it, or None.

    Returns:
        The loss and the mean average precision.
    """
    callbacks = callbacks or keras.callbacks.CallbackList()
    losses, weights, found, true = [], [], [], []

    callbacks.on_test_begin()
    for number, (batch, targets, *_) in enumerate(clips.as_numpy_iterator()):
        callbacks.on_test_batch_begin(number)
        # A model with replicas computes the batch on each of them.
        outputs = {
            name: value[: len(value) * len(batch) // _rows(model, batch)]
            for name, value in model.predict_on_batch(batch).items()
        }
        losses.append(float(model.compute_loss(batch, targets, outputs, training=False)))
        weights.append(len(batch))
        found += _frames(outputs, DETECTIONS)
        true += _frames(targets, ("boxes", "classes"))
        callbacks.on_test_batch_end(number)

    results = {
        "loss": float(np.average(losses, weights=weights)),
        MAP: mean_average_precision(found, true, model.clip_model.spec.num_classes),
    }
    callbacks.on_test_end(results)
    return results
