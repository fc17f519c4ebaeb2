import csv
import json

import matplotlib.image
import numpy as np
import pytest

from tsm_tf import ModelSpec
from tsm_tf.evaluation.report import plot_confusion, score_rows, summarise, write_report
from tsm_tf.evaluation.scores import Scores

CLASSES = ("Swiping Left", "Ärger", "drum & bass")
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
    names = ["confusion.png", "metrics.json", "per_class.csv", "scores.csv", "scores.npz"]
    assert sorted(path.name for path in folder.iterdir()) == names

    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert list(metrics)[:5] == ["checkpoint", "data", "split", "protocol", "top1"]
    assert metrics["top1"] == 0.5 and metrics["protocol"] == "efficient"

    assert Scores.load(folder / "scores.npz").logits.tobytes() == scores.logits.tobytes()
    assert [row["class"] for row in rows_of(folder / "per_class.csv")] == list(CLASSES)
    assert len(rows_of(folder / "scores.csv")) == 4
    assert (folder / "confusion.png").stat().st_size > 5000


def test_the_same_scores_give_the_same_report(scores, tmp_path):
    write_report(scores, tmp_path / "a", SUBJECT)
    write_report(Scores.load(tmp_path / "a" / "scores.npz"), tmp_path / "b", SUBJECT)
    for name in ("confusion.png", "metrics.json", "per_class.csv", "scores.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


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


def test_the_picture_shows_shares_of_each_true_class(tmp_path):
    counts = np.array([[8, 0], [1, 1]])
    plot_confusion(counts, ("a", "b"), "title", tmp_path / "a.png")
    plot_confusion(counts * [[3], [1]], ("a", "b"), "title", tmp_path / "same_shares.png")
    plot_confusion(counts[::-1], ("a", "b"), "title", tmp_path / "other.png")

    a, same_shares, other = (
        matplotlib.image.imread(tmp_path / f"{name}.png") for name in ("a", "same_shares", "other")
    )
    assert (a == same_shares).all()
    assert a.shape == other.shape and (a != other).any()


def test_a_class_without_videos_has_an_empty_row(tmp_path):
    plot_confusion(np.array([[0, 0], [1, 1]]), ("a", "b"), "title", tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 2000
