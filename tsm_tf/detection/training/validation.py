"""Validates a detector during its training: the loss, and the mean average precision."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes
from tsm_tf.detection.evaluation.vid_ap import ALL, vid_curves

MAP = "mAP"
"""Name of the metric in the log."""


def validate(model: Any, clips: Any, callbacks: Any) -> dict[str, float]:
    """Validates a model as Keras' `evaluate` does, on all frames of the clips.

    Average precision needs the order of all detections, which no metric that sees one batch at a
    time can give.

    Args:
        model: a `DetectorTraining`.
        clips: a `tf.data.Dataset` of clips and targets.
        callbacks: a `keras.callbacks.CallbackList` that is called as `evaluate` calls it, or None.

    Returns:
        The loss and the mean average precision.
    """
    callbacks = callbacks or keras.callbacks.CallbackList()
    losses, sizes, found, true = [], [], [], []

    callbacks.on_test_begin()
    for number, (batch, targets, *_) in enumerate(clips.as_numpy_iterator()):
        callbacks.on_test_batch_begin(number)
        targets = model.targets_of(targets)
        # A model with replicas computes the batch on each of them.
        size, outputs = len(batch), model.predict_on_batch(batch)
        copies = len(outputs["boxes"]) // size
        outputs = {name: x[: len(x) // copies] for name, x in outputs.items()}

        losses.append(float(model.loss_of(targets, outputs)))
        sizes.append(size)
        found.append(outputs)
        true.append(targets)
        callbacks.on_test_batch_end(number)

    results = {
        "loss": float(np.average(losses, weights=sizes)),
        MAP: mean_average_precision(found, true, model.clip_model.spec.num_classes),
    }
    callbacks.on_test_end(results)
    return results


def mean_average_precision(
    found: Sequence[Mapping[str, np.ndarray]],
    true: Sequence[Mapping[str, np.ndarray]],
    num_classes: int,
) -> float:
    """Returns the mean of the classes' average precision, as on ImageNet-VID (section 6).

    Args:
        found: detections of each batch, as a detector returns them.
        true: targets of each batch: `"boxes"` `[B, T, M, 4]` and `"classes"` `[B, T, M]`.
        num_classes: number of classes; those without an object do not count.
    """
    num_frames = sum(math.prod(batch["classes"].shape[:2]) for batch in true)
    frames, (classes, boxes) = _flat(true, "classes", "boxes")
    objects = TrueBoxes(frames, classes, boxes, np.ones(len(frames)), num_frames)
    frames, columns = _flat(found, "classes", "scores", "boxes")
    detected = DetectedBoxes(frames, *columns)

    curves = [vid_curves(detected, objects, number, [ALL])[0] for number in range(num_classes)]
    precisions = [curve.average_precision for curve in curves if curve is not None]
    return float(np.mean(precisions)) if precisions else 0.0


def _flat(batches, *names):
    """Returns the frame of each box, without padding, `int64 [n]`, and columns of these boxes."""
    columns = [
        np.concatenate([batch[name].reshape(-1, *batch[name].shape[2:]) for batch in batches])
        for name in names
    ]
    is_box = columns[0] >= 0  # classes
    frames = np.repeat(np.arange(len(is_box)), is_box.sum(axis=1))
    kinds = [np.int64, *[np.float64] * (len(names) - 1)]
    return frames, [x[is_box].astype(kind) for x, kind in zip(columns, kinds, strict=True)]
