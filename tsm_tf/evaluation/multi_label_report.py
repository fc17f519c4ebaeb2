"""The figures and tables of an evaluation whose videos have several classes."""

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tsm_tf.data.video import is_uri
from tsm_tf.evaluation.scores import Scores
from tsm_tf.multi_label.metrics import average_precisions, mean_average_precision

_SEPARATOR = "; "  # between class names


def summarise_multi_label(scores: Scores) -> dict[str, Any]:
    """Returns the figures in `metrics.json`.

    These are the mean average precision and, per class, the average precision, and precision and
    recall at the model's threshold. A figure is None if it is undefined (0/0).
    """
    predicted, labels = scores.predicted, scores.labels
    correct = (predicted & labels).sum(axis=0)
    columns = zip(
        scores.classes,
        average_precisions(scores.logits, labels),
        correct,
        predicted.sum(axis=0),
        labels.sum(axis=0),
        scores.spec.class_thresholds,
        strict=True,
    )
    return {
        "mAP": mean_average_precision(scores.logits, labels),
        "videos": len(labels),
        "per_class": [
            {
                "class": name,
                "average_precision": precision,
                "recall": float(right / present) if present else None,
                "precision": float(right / found) if found else None,
                "threshold": threshold,
                "videos": int(present),
            }
            for name, precision, right, found, present, threshold in columns
        ],
    }


def multi_label_rows(scores: Scores, data: str) -> Iterator[dict[str, object]]:
    """Yields one row per video: path, true and predicted classes, and rounded logits."""
    for name, labels, predicted, logits in zip(
        scores.names,
        scores.labels,
        scores.predicted,
        scores.logits,
        strict=True,
    ):
        row = {
            "path": video_path(data, name),
            "labels": _names(scores, labels),
            "predicted": _names(scores, predicted),
        }
        yield row | logit_columns(scores.classes, logits)


def _names(scores, present):
    return _SEPARATOR.join(scores.classes[i] for i in np.flatnonzero(present))


def video_path(data: str, name: str) -> str:
    """Returns a video's name below the data folder; a URI stays as it is."""
    return name if is_uri(name) else posixpath.join(data, name)


def logit_columns(classes: Sequence[str], logits: np.ndarray) -> dict[str, object]:
    """Returns the columns of a video's logits `[C]`, rounded, by the names of the classes."""
    return {
        f"logit {name}": round(float(logit), 5) for name, logit in zip(classes, logits, strict=True)
    }
