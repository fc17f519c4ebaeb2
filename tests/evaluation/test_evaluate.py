import csv
import hashlib
import json
import shutil

import keras
import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset, load_checkpoint, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.data.views import Views
from tsm_tf.evaluation.evaluate import check_output, checkpoint_digest, evaluate
from tsm_tf.evaluation.predict import predict
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS, Protocol, make_protocol
from tsm_tf.evaluation.scores import Scores
from tsm_tf.evaluation.unfinished import Unfinished

LABELS = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"val": 7}, labels=LABELS)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


@pytest.fixture(scope="module")
def output(data, checkpoint, tmp_path_factory):
    """A folder with the report on `val`."""
    folder = tmp_path_factory.mktemp("evaluation") / "new"
    evaluate(checkpoint, data, folder, batch_size=3)
    return folder


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_agrees_with_the_model(data, model, output):
    clips, labels = next(iter(clip_dataset(Listing(data), SPEC, "val", 7)))
    logits, labels = model.predict_on_batch(clips), labels.numpy()

    np.testing.assert_allclose(Scores.load(output / "scores.npz").logits, logits, atol=1e-5)
    rows = rows_of(output / "scores.csv")
    table = [[float(row[f"logit {name}"]) for name in LABELS] for row in rows]
    np.testing.assert_allclose(table, logits, atol=1e-4)
    assert [row["path"] for row in rows] == [str(data / f"val {i}.mp4") for i in range(7)]
    assert [row["label"] for row in rows] == [LABELS[i] for i in labels]
    assert [row["predicted"] for row in rows] == [LABELS[i] for i in logits.argmax(1)]

    metrics = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["top1"] == pytest.approx((logits.argmax(1) == labels).mean())
    assert metrics["top5"] == 1
    assert [row["class"] for row in rows_of(output / "per_class.csv")] == list(LABELS)
    assert (output / "confusion.png").stat().st_size > 5000
    assert not list(output.parent.rglob(".writing*"))


def test_the_same_again_replaces_itself(data, checkpoint, output):
    before = (output / "metrics.json").read_text(encoding="utf-8")
    (output / "per_class.csv").unlink()
    metrics = evaluate(checkpoint, data, output)
    assert metrics == json.loads(before)
    assert (output / "metrics.json").read_text(encoding="utf-8") == before
    assert (output / "per_class.csv").is_file()


def test_results_of_something_else_are_not_lost(tmp_path):
    subject = {"checkpoint": "runs/a", "data": "data/b", "split": "few"}
    check_output(tmp_path / "new", subject, EFFICIENT)
    assert not (tmp_path / "new").exists()

    metrics = {**subject, "protocol": "efficient", "top1": 0.5}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    check_output(tmp_path, subject, EFFICIENT)
    with refuses("output", "split", "'few'", "'val'"):
        check_output(tmp_path, {**subject, "split": "val"}, EFFICIENT)
    with refuses("output", "protocol", "'efficient'", "'other'"):
        check_output(tmp_path, subject, Protocol("other"))

    with refuses("output", "sampling_rate", "None", "'constant'"):
        check_output(tmp_path, {**subject, "sampling_rate": "constant"}, EFFICIENT)
    constant = {**metrics, "sampling_rate": "constant"}
    (tmp_path / "metrics.json").write_text(json.dumps(constant))
    check_output(tmp_path, {**subject, "sampling_rate": "constant"}, EFFICIENT)
    with refuses("output", "sampling_rate", "'constant'", "None"):
        check_output(tmp_path, subject, EFFICIENT)

    half = {**metrics, "mixed_precision": "bfloat16"}
    (tmp_path / "metrics.json").write_text(json.dumps(half))
    check_output(tmp_path, {**subject, "mixed_precision": "bfloat16"}, EFFICIENT)
    with refuses("output", "mixed_precision", "'bfloat16'", "None"):
        check_output(tmp_path, subject, EFFICIENT)

    (tmp_path / "metrics.json").rename(tmp_path / "mine.json")
    with refuses("output", "new or empty"):
        check_output(tmp_path, subject, EFFICIENT)


def test_results_of_another_share_of_the_videos_are_not_lost(tmp_path):
    subject = {"checkpoint": "runs/a", "data": "data/b", "split": "val"}
    metrics = {**subject, "protocol": "efficient", "top1": 0.5}
    (tmp_path / "metrics.json").write_text(json.dumps({**metrics, "val_share": 0.2}))
    check_output(tmp_path, {**subject, "val_share": 0.2}, EFFICIENT)
    with refuses("output", "val_share", "0.2", "0.3"):
        check_output(tmp_path, {**subject, "val_share": 0.3}, EFFICIENT)

    (tmp_path / "metrics.json").write_text(json.dumps(metrics))  # from before it was saved
    check_output(tmp_path, {**subject, "val_share": 0.3}, EFFICIENT)


def test_reports_without_a_protocol_are_efficient(tmp_path):
    subject = {"checkpoint": "runs/a", "data": "data/b", "split": "few"}
    (tmp_path / "metrics.json").write_text(json.dumps({**subject, "top1": 0.5}))
    check_output(tmp_path, subject, EFFICIENT)
    with refuses("output", "protocol", "'efficient'", "'other'"):
        check_output(tmp_path, subject, Protocol("other"))


def test_scores_name_the_checkpoint(checkpoint, output):
    files = [(checkpoint / name).read_bytes() for name in ("spec.json", "model.weights.h5")]
    digests = b"".join(hashlib.sha256(content).digest() for content in files)
    digest = Scores.load(output / "scores.npz").checkpoint_digest
    assert digest == hashlib.sha256(digests).hexdigest()


def test_the_digest_of_a_run_is_that_of_its_best_checkpoint(checkpoint, tmp_path):
    (tmp_path / "best").mkdir()
    for name in ("spec.json", "model.weights.h5"):
        (tmp_path / "best" / name).write_bytes((checkpoint / name).read_bytes())
    assert checkpoint_digest(tmp_path) == checkpoint_digest(checkpoint)
    (tmp_path / "best" / "spec.json").write_text(SPEC.replace(fps=7.0).to_json())
    assert checkpoint_digest(tmp_path) != checkpoint_digest(checkpoint)


def test_refuses_other_classes(checkpoint, tmp_path):
    other = write_data(tmp_path / "other", {"val": 1}, labels=("a", "b", "c"))
    with refuses("data", "Swiping Left", "'a'"):
        evaluate(checkpoint, other, tmp_path / "e")
    assert not (tmp_path / "e").exists()


def test_says_what_decides_the_scores(model, tmp_path):
    """A folder per class, of which a share is evaluated, in half precision, by probabilities."""
    nameless, checkpoint = build_model(SPEC.replace(labels=None)), tmp_path / "checkpoint"
    nameless.set_weights(model.get_weights())
    save_checkpoint(nameless, checkpoint)
    for number, label in enumerate(LABELS):
        folder = tmp_path / "data" / label
        folder.mkdir(parents=True)
        for video in range(4):
            encode(folder / f"{video}.mp4", moving_square(9 + number + video))
    listing = Listing(tmp_path / "data", val_share=0.5)
    protocol = make_protocol(Views(2, 3, "twice"), softmax=True)
    output = tmp_path / "new"

    metrics = evaluate(checkpoint, listing, output, "val", protocol, 6, mixed_precision="bfloat16")
    assert metrics["protocol"] == "twice_2x3_softmax" and metrics["videos"] == 6
    assert (metrics["val_share"], metrics["mixed_precision"]) == (0.5, "bfloat16")
    half = Scores.load(output / "scores.npz")
    assert half.protocol == "twice_2x3_softmax" and half.spec == nameless.spec
    whole = predict(nameless, listing, "val", protocol, 6)
    assert 0 < np.abs(half.logits - whole.logits).max() < 0.1
    assert keras.config.dtype_policy().name == "float32"

    with refuses("output", "another mixed_precision", "'bfloat16'", "None"):
        evaluate(checkpoint, listing, output, "val", protocol, 6)


def test_an_unfinished_evaluation_is_continued_and_not_lost(checkpoint, data, tmp_path, capsys):
    output, digest = tmp_path / "e", checkpoint_digest(checkpoint)
    settings = {"checkpoint": str(checkpoint), "data": str(data), "split": "val"}
    settings |= {"protocol": "efficient", "keep_damaged": False}
    part = Unfinished(output, settings)
    scores = predict(
        load_checkpoint(checkpoint), Listing(data), "val", EFFICIENT, 3, digest, unfinished=part
    )
    found = np.load(part.path)
    assert found["finished"].all()

    with refuses("output", "another protocol", "'efficient'", "'ten_crop'"):
        evaluate(checkpoint, data, output, protocol=PROTOCOLS["ten_crop"])
    capsys.readouterr()
    evaluate(checkpoint, data, output)
    assert "resuming: 7 of 7 videos are evaluated" in capsys.readouterr().out
    np.testing.assert_array_equal(Scores.load(output / "scores.npz").logits, scores.logits)
    assert not part.path.exists()


def test_another_checkpoint_in_the_same_folder_starts_over(checkpoint, data, tmp_path, capsys):
    moved = tmp_path / "checkpoint"
    shutil.copytree(checkpoint, moved)
    settings = {"checkpoint": str(moved), "data": str(data), "split": "val"}
    settings |= {"protocol": "efficient", "keep_damaged": False}
    part = Unfinished(tmp_path / "e", settings)
    part.load((7, 3), {"the checkpoint": "of last week"})
    part.save(np.ones((7, 3), np.float32), np.ones(7, bool), force=True)

    evaluate(moved, data, tmp_path / "e")
    line = "starting over: the checkpoint, the list of videos changed since the unfinished"
    assert line in capsys.readouterr().out
    assert np.ptp(Scores.load(tmp_path / "e" / "scores.npz").logits) > 1e-3
