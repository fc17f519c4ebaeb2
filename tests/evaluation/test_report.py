import csv
import dataclasses
import json

import numpy as np
import pytest

from tsm_tf import ModelSpec
from tsm_tf.evaluation.report import score_rows, summarise, write_report
from tsm_tf.evaluation.scores import Scores

CLASSES = ("Swiping Left", "Ärger", "drum & bass")
TABLES = ["confused_pairs.csv", "confusion.png", "metrics.json", "per_class.csv", "scores.csv"]
SUBJECT = {"checkpoint": "runs/a", "data": "data/b", "split": "val"}


@pytest.fixture
def scores():
    """Of four videos, the first and the last are classified correctly."""
    return Scores(
        logits=np.array([[3, 1, 2], [0, 5, 1], [1, 2, 3.2234567], [9, 8, 9.5]], np.float32),
        labels=np.array([0, 2, 1, 2]),
        names=("a b.mp4", "/absolute/c.mp4", "s3://bucket/d.mp4", "e/f.mp4"),
        classes=CLASSES,
        protocol="efficient",
        spec=ModelSpec(num_classes=3, labels=CLASSES),
    )


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_figures_by_hand(scores):
    confusion = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 1]])
    assert summarise(scores, confusion) == {
        "top1": 0.5,
        "top5": 1.0,
        "mean_class_accuracy": 0.5,
        "videos": 4,
        "per_class": [
            {"class": "Swiping Left", "recall": 1.0, "precision": 1.0, "videos": 1},
            {"class": "Ärger", "recall": 0.0, "precision": 0.0, "videos": 1},
            {"class": "drum & bass", "recall": 0.5, "precision": 0.5, "videos": 2},
        ],
    }


def test_files(scores, tmp_path):
    metrics = write_report(scores, tmp_path / "new", SUBJECT)
    folder = tmp_path / "new"
    assert sorted(path.name for path in folder.iterdir()) == [*TABLES, "scores.npz"]

    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert list(metrics)[:5] == ["checkpoint", "data", "split", "protocol", "top1"]
    assert metrics["top1"] == 0.5 and metrics["protocol"] == "efficient"

    assert Scores.load(folder / "scores.npz").logits.tobytes() == scores.logits.tobytes()
    assert [row["class"] for row in rows_of(folder / "per_class.csv")] == list(CLASSES)
    assert len(rows_of(folder / "scores.csv")) == 4
    assert [list(row.values()) for row in rows_of(folder / "confused_pairs.csv")] == [
        ["Ärger", "drum & bass", "1", "1.0"],
        ["drum & bass", "Ärger", "1", "0.5"],
    ]
    assert (folder / "confusion.png").stat().st_size > 5000


def test_the_same_scores_give_the_same_report(scores, tmp_path):
    write_report(scores, tmp_path / "a", SUBJECT)
    write_report(Scores.load(tmp_path / "a" / "scores.npz"), tmp_path / "b", SUBJECT)
    for name in TABLES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_without_mistakes_the_table_of_pairs_is_empty(scores, tmp_path):
    correct = dataclasses.replace(scores, labels=scores.predicted)
    write_report(correct, tmp_path, SUBJECT)
    assert (tmp_path / "confused_pairs.csv").read_text() == "true,predicted,videos,share\n"


def test_rows_by_hand(scores):
    rows = list(score_rows(scores, "data/b"))
    paths = ["data/b/a b.mp4", "/absolute/c.mp4", "s3://bucket/d.mp4", "data/b/e/f.mp4"]
    assert [row["path"] for row in rows] == paths
    assert rows[2] == {
        "path": "s3://bucket/d.mp4",
        "label": "Ärger",
        "predicted": "drum & bass",
        "probability": 0.713,
        "logit Swiping Left": 1.0,
        "logit Ärger": 2.0,
        "logit drum & bass": 3.22346,
    }
