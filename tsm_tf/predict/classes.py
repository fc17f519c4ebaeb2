"""The classes of a video in order of their probability."""

from typing import NamedTuple

import numpy as np

from tsm_tf.evaluation.metrics import softmax
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.spec import ModelSpec

NO_CLASS = "no class reaches its threshold"


class RankedClass(NamedTuple):
    """A class of a video.

    Attributes:
        number: the class number, from 0.
        name: the class name, or the number if the model has no names.
        probability: from the softmax over all classes, or the sigmoid for a multi-label model.
        logit: what the model computes.
    """

    number: int
    name: str
    probability: float
    logit: float


def rank(logits: np.ndarray, spec: ModelSpec, top_k: int) -> list[RankedClass]:
    """Returns the most probable classes, or all that reach their thresholds in a multi-label model.

    Args:
        logits: `float32 [num_classes]`.
        spec: the model's spec.
        top_k: the largest number of classes; a multi-label model has no such limit.
    """
    order = np.argsort(-logits, kind="stable")
    if spec.multi_label:
        probabilities = sigmoid(logits)
        is_present = probabilities >= np.array(spec.class_thresholds)
        order = order[is_present[order]]
    else:
        probabilities = softmax(logits.astype(np.float64))
        order = order[:top_k]

    names = spec.labels or tuple(map(str, range(spec.num_classes)))
    return [RankedClass(int(i), names[i], float(probabilities[i]), float(logits[i])) for i in order]


def describe(classes: list[RankedClass]) -> str:
    """Returns one line per class, aligned: its probability and its name."""
    if not classes:
        return f"    {NO_CLASS}"
    return "\n".join(f"  {row.probability:6.1%}  {row.name}" for row in classes)
