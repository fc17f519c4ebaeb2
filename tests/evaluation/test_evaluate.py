import csv
import hashlib
import json

import numpy as np
import pytest
from testing import refuses
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.evaluation.evaluate import checkpoint_digest, evaluate
from tsm_tf.evaluation.protocols import Protocol
from tsm_tf.evaluation.scores import Scores

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
    output = tmp_path / "e"
    metrics = evaluate(checkpoint, data, output, batch_size=3)
    clips, labels = next(iter(clip_dataset(Listing(data), SPEC, "val", 7)))
    logits, labels = model.predict_on_batch(clips), labels.numpy()

    np.testing.assert_allclose(Scores.load(output / "scores.npz").logits, logits, atol=1e-5)
    rows = rows_of(output / "scores.csv")
    table = [[float(row[f"logit {name}"]) for name in LABELS] for row in rows]
    np.testing.assert_allclose(table, logits, atol=1e-4)
    assert [row["path"] for row in rows] == [str(data / f"val {i}.mp4") for i in range(7)]
    assert [row["label"] for row in rows] == [LABELS[i] for i in labels]
    assert [row["predicted"] for row in rows] == [LABELS[i] for i in logits.argmax(1)]

    assert metrics["top1"] == pytest.approx((logits.argmax(1) == labels).mean())
    assert metrics["top5"] == 1
    assert json.loads((output / "metrics.json").read_text(encoding="utf-8")) == metrics
    assert [row["class"] for row in rows_of(output / "per_class.csv")] == list(LABELS)
    assert (output / "confusion.png").stat().st_size > 5000
    assert not list(tmp_path.rglob(".writing*"))


def test_scores_name_the_checkpoint(data, checkpoint, tmp_path):
    evaluate(checkpoint, data, tmp_path / "e", "few")
    scores = Scores.load(tmp_path / "e" / "scores.npz")
    files = [(checkpoint / name).read_bytes() for name in ("spec.json", "model.weights.h5")]
    digests = b"".join(hashlib.sha256(content).digest() for content in files)
    assert scores.checkpoint_digest == hashlib.sha256(digests).hexdigest()


def test_the_digest_of_a_run_is_that_of_its_best_checkpoint(model, checkpoint, tmp_path):
    save_checkpoint(model, tmp_path / "best")
    for name in ("spec.json", "model.weights.h5"):
        (tmp_path / "best" / name).write_bytes((checkpoint / name).read_bytes())
    assert checkpoint_digest(tmp_path) == checkpoint_digest(checkpoint)
    (tmp_path / "best" / "spec.json").write_text(SPEC.replace(fps=7.0).to_json())
    assert checkpoint_digest(tmp_path) != checkpoint_digest(checkpoint)


def test_results_of_something_else_are_not_lost(data, checkpoint, tmp_path):
    first = evaluate(checkpoint, data, tmp_path, "few")
    assert evaluate(checkpoint, data, tmp_path, "few") == first  # the same again replaces itself
    with refuses("output", "split", "'few'", "'val'"):
        evaluate(checkpoint, data, tmp_path, "val")
    with refuses("output", "protocol", "'efficient'", "'other'"):
        evaluate(checkpoint, data, tmp_path, "few", Protocol("other"))

    (tmp_path / "metrics.json").unlink()
    with refuses("output", "new or empty"):
        evaluate(checkpoint, data, tmp_path, "few")


def test_a_report_without_a_protocol_is_replaced(data, checkpoint, tmp_path):
    first = evaluate(checkpoint, data, tmp_path, "few")
    old = {name: value for name, value in first.items() if name != "protocol"}
    (tmp_path / "metrics.json").write_text(json.dumps(old))
    assert evaluate(checkpoint, data, tmp_path, "few") == first


def test_refuses_other_classes(data, checkpoint, tmp_path):
    other = write_data(tmp_path / "other", {"val": 1}, labels=("a", "b", "c"))
    with refuses("data", "Swiping Left", "'a'"):
        evaluate(checkpoint, other, tmp_path / "e")
    save_checkpoint(build_model(SPEC.replace(num_classes=4, labels=None)), tmp_path / "unnamed")
    with refuses("data", "4 classes", "Swiping Left"):
        evaluate(tmp_path / "unnamed", data, tmp_path / "e")
    assert not (tmp_path / "e").exists()
