"""The report of an evaluation, computed from `Scores`: figures, a picture and tables."""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tsm_tf.evaluation.confusion import PAIR_COLUMNS, confused_pairs, plot_confusion
from tsm_tf.evaluation.metrics import (
    confusion_matrix,
    mean_class_accuracy,
    per_class,
    softmax,
    top_k,
)
from tsm_tf.evaluation.multi_label_report import (
    logit_columns,
    multi_label_rows,
    summarise_multi_label,
    video_path,
)
from tsm_tf.evaluation.scores import SCORES_FILE, Scores
from tsm_tf.files import write_csv, write_text

METRICS_FILE = "metrics.json"
CONFUSION_FILE = "confusion.png"
PER_CLASS_FILE = "per_class.csv"
PAIRS_FILE = "confused_pairs.csv"
SCORE_TABLE_FILE = "scores.csv"


def write_report(
    scores: Scores, output: pathlib.Path, subject: Mapping[str, str]
) -> dict[str, Any]:
    """Writes the scores and everything that people look at.

    Args:
        scores: what the model predicted.
        output: folder; gets `metrics.json`, `scores.npz`, `per_class.csv`, `scores.csv` and, unless
            videos have several classes, `confusion.png` and `confused_pairs.csv`. It is created if
            necessary.
        subject: what was evaluated; added to `metrics.json`. Its `data` is the data folder.

    Returns:
        The content of `metrics.json`: top-1, top-5, mean class accuracy, and recall, precision and
        number of videos per class. For a multi-label model, see
        `multi_label_report.summarise_multi_label`.
    """
    confusion = None
    if scores.spec.multi_label:
        figures, rows = summarise_multi_label(scores), multi_label_rows(scores, subject["data"])
    else:
        confusion = confusion_matrix(scores.predicted, scores.labels, len(scores.classes))
        figures, rows = summarise(scores, confusion), score_rows(scores, subject["data"])
    metrics = {**subject, "protocol": scores.protocol, **figures}

    output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(metrics, indent=2, ensure_ascii=False) + "\n"
    write_text(output / METRICS_FILE, text)  # first: it marks the folder as this subject's
    scores.save(output / SCORES_FILE)

    if confusion is not None:
        title = f"top-1 {metrics['top1']:.1%}"
        plot_confusion(confusion, scores.classes, title, output / CONFUSION_FILE)
        pairs = confused_pairs(confusion, scores.classes)
        write_csv(output / PAIRS_FILE, pairs, PAIR_COLUMNS)
    write_csv(output / PER_CLASS_FILE, metrics["per_class"])
    write_csv(output / SCORE_TABLE_FILE, rows)

    return metrics


def summarise(scores: Scores, confusion: np.ndarray) -> dict[str, Any]:
    """Returns the figures in `metrics.json`."""
    return {
        "top1": top_k(scores.logits, scores.labels, 1),
        "top5": top_k(scores.logits, scores.labels, 5),
        "mean_class_accuracy": mean_class_accuracy(confusion),
        "videos": len(scores.labels),
        "per_class": [
            {"class": name, **figures}
            for name, figures in zip(scores.classes, per_class(confusion), strict=True)
        ],
    }


def score_rows(scores: Scores, data: str) -> Iterator[dict[str, object]]:
    """Yields one row per video: path, true and predicted class, probability, and rounded logits."""
    probabilities = softmax(scores.logits)

    for name, label, predicted, logits, probability in zip(
        scores.names,
        scores.labels,
        scores.predicted,
        scores.logits,
        probabilities,
        strict=True,
    ):
        row = {
            "path": video_path(data, name),
            "label": scores.classes[label],
            "predicted": scores.classes[predicted],
            "probability": round(float(probability[predicted]), 4),
        }
        yield row | logit_columns(scores.classes, logits)
