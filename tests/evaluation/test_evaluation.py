import csv
import json

import numpy as np
import pytest
from testing import refuses
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset, save_checkpoint
from tsm_tf.evaluation.metrics import confusion_matrix, per_class, softmax, top_k
from tsm_tf.evaluation.report import evaluate

LABELS = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"val": 7, "few": 2}, labels=LABELS)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(model, folder)
    return folder


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_agrees_with_the_model(data, model, checkpoint, tmp_path):
    metrics = evaluate(checkpoint, data, tmp_path / "e", batch_size=3)
    clips, labels = next(iter(clip_dataset(data, SPEC, "val", 7)))
    logits, labels = model.predict_on_batch(clips), labels.numpy()
    rows = rows_of(tmp_path / "e" / "scores.csv")
    scores = [[float(row[f"logit {name}"]) for name in LABELS] for row in rows]
    np.testing.assert_allclose(scores, logits, atol=1e-4)
    assert [row["label"] for row in rows] == [LABELS[i] for i in labels]
    assert [row["predicted"] for row in rows] == [LABELS[i] for i in logits.argmax(1)]
    assert (
        metrics["top1"] == pytest.approx((logits.argmax(1) == labels).mean())
        and metrics["top5"] == 1
    )
    assert json.loads((tmp_path / "e" / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert [row["class"] for row in rows_of(tmp_path / "e" / "per_class.csv")] == list(LABELS)
    assert (tmp_path / "e" / "confusion.png").stat().st_size > 5000 and not list(
        tmp_path.rglob(".writing*")
    )


def test_results_of_something_else_are_not_lost(data, checkpoint, tmp_path):
    first = evaluate(checkpoint, data, tmp_path, "few")
    assert evaluate(checkpoint, data, tmp_path, "few") == first  # the same again replaces itself
    with refuses("output", "split 'few'"):
        evaluate(checkpoint, data, tmp_path, "val")
    (tmp_path / "metrics.json").unlink()
    with refuses("output", "new or empty"):
        evaluate(checkpoint, data, tmp_path, "few")


def test_refuses_other_classes(data, checkpoint, model, tmp_path):
    other = write_data(tmp_path / "other", {"val": 1}, labels=("a", "b", "c"))
    with refuses("data", "Swiping Left", "'a'"):
        evaluate(checkpoint, other, tmp_path / "e")
    save_checkpoint(build_model(SPEC.replace(num_classes=4, labels=None)), tmp_path / "unnamed")
    with refuses("data", "4 classes", "Swiping Left"):
        evaluate(tmp_path / "unnamed", data, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_metrics_by_hand():
    logits = np.array([[3.0, 1, 2], [0, 5, 1], [1, 2, 3], [9, 8, 7]])
    labels = np.array([0, 2, 1, 2])
    assert (
        top_k(logits, labels, 1) == 0.25
        and top_k(logits, labels, 2) == 0.75
        and top_k(logits, labels, 9) == 1
    )
    confusion = confusion_matrix(logits.argmax(1), labels, 3)
    assert confusion.tolist() == [[1, 0, 0], [0, 0, 1], [1, 1, 0]]
    assert per_class(confusion)[0] == {"recall": 1.0, "precision": 0.5, "videos": 1}
    assert per_class(np.zeros((1, 1), int)) == [{"recall": None, "precision": None, "videos": 0}]
    np.testing.assert_allclose(softmax(np.array([1000.0, 1000.0])), [0.5, 0.5])
