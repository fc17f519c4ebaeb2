"""Evaluation of models whose videos may have several classes: scores, report, and the command."""

import csv
import json

import numpy as np
import pytest
from testing import refuses, run_main
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset, save_checkpoint
from tsm_tf.data.listing import Listing
from tsm_tf.evaluation import __main__ as command
from tsm_tf.evaluation.ensemble import check_members
from tsm_tf.evaluation.multi_label_report import multi_label_rows, summarise_multi_label
from tsm_tf.evaluation.report import write_report
from tsm_tf.evaluation.scores import Scores
from tsm_tf.evaluation.stream.evaluate import Model, Settings, evaluate_streams
from tsm_tf.evaluation.whole_videos import check_whole_videos

CLASSES = ("walk", "wave", "sit")
SPEC = ModelSpec(num_classes=3, labels=CLASSES, multi_label=True, thresholds=(0.5, 0.9, 0.1))


@pytest.fixture
def scores():
    return Scores(
        logits=np.array([[3, 2, -1], [2, 3, -9], [1, -1, -9], [-3, 0, -9]], np.float32),
        labels=np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0]], bool),
        names=("a b.mp4", "/absolute/c.mp4", "s3://bucket/d.mp4", "e/f.mp4"),
        classes=CLASSES,
        protocol="efficient",
        spec=SPEC,
    )


def test_figures_by_hand(scores):
    assert scores.predicted.astype(int).tolist() == [[1, 0, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0]]
    figures = summarise_multi_label(scores)
    walk, wave, sit = figures.pop("per_class")
    # walk: ranks 1 and 3 are right; wave: ranks 1 and 4.
    assert figures == {"mAP": pytest.approx((5 / 6 + 3 / 4) / 2), "videos": 4}
    assert walk == {
        "class": "walk",
        "average_precision": pytest.approx(5 / 6),
        "recall": 1.0,
        "precision": pytest.approx(2 / 3),
        "threshold": 0.5,
        "videos": 2,
    }
    assert (wave["average_precision"], wave["recall"], wave["precision"]) == (0.75, 0.5, 1.0)
    assert (sit["average_precision"], sit["recall"], sit["precision"]) == (None, None, 0.0)


def test_rows(scores):
    rows = list(multi_label_rows(scores, "data/b"))
    assert [row["labels"] for row in rows] == ["walk", "wave", "walk; wave", ""]
    assert [row["predicted"] for row in rows] == ["walk; sit", "walk; wave", "walk", ""]
    assert [row["path"] for row in rows] == [
        *("data/b/a b.mp4", "/absolute/c.mp4", "s3://bucket/d.mp4", "data/b/e/f.mp4"),
    ]
    assert rows[0]["logit wave"] == 2.0


def test_a_file_holds_the_scores(scores, tmp_path):
    subject = {"checkpoint": "runs/a", "data": "data/b", "split": "val"}
    metrics = write_report(scores, tmp_path, subject)
    names = ["metrics.json", "per_class.csv", "scores.csv", "scores.npz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert list(metrics)[:5] == ["checkpoint", "data", "split", "protocol", "mAP"]

    loaded = Scores.load(tmp_path / "scores.npz")
    assert loaded.labels.dtype == bool and (loaded.labels == scores.labels).all()
    assert loaded.spec == SPEC and (loaded.predicted == scores.predicted).all()


def test_ensembles_need_one_class_per_video(scores):
    with refuses("scores", "one class each", "multi_label"):
        check_members([scores, scores])


@pytest.mark.parametrize("labels", [np.array([0, 1, 1, 2]), np.ones((4, 2), bool), np.ones((4, 3))])
def test_wrong_labels(scores, labels):
    with refuses("labels", "must be bool with shape (4, 3)"):
        Scores(scores.logits, labels, scores.names, CLASSES, "efficient", SPEC)
    single = SPEC.replace(multi_label=False, thresholds=None)
    with refuses("labels", "must be int64 with shape (4,)"):
        Scores(scores.logits, scores.labels, scores.names, CLASSES, "efficient", single)


def test_the_command(tmp_path, capsys):
    data = write_data(tmp_path / "data", {"val": 5}, labels=CLASSES)
    classes = ("0,2", "1", "0,1", "2", "1")
    lines = [f'"val {i}.mp4" -1 {c}\n' for i, c in enumerate(classes)]
    (data / "val.txt").write_text("".join(lines))
    spec = SPEC.replace(num_segments=2, input_size=32, width=0.35)
    model = with_weights(build_model(spec))
    save_checkpoint(model, tmp_path / "model")

    run_main(command, f"--checkpoint={tmp_path / 'model'}", f"--data={data}", "--worst=3")
    output = tmp_path / "model" / "evaluation" / "val"
    assert (output / "worst.png").is_file() and not (output / "confusion.png").exists()
    scores = Scores.load(output / "scores.npz")
    assert scores.labels.astype(int).tolist() == [
        *([1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 1, 0]),
    ]
    clips, _ = next(iter(clip_dataset(Listing(data), spec, "val", 5)))
    np.testing.assert_allclose(scores.logits, model.predict_on_batch(clips), atol=1e-5)
    with (output / "per_class.csv").open() as file:
        assert [row["threshold"] for row in csv.DictReader(file)] == ["0.5", "0.9", "0.1"]
    shown = capsys.readouterr().out
    assert "mAP " in shown and "on 5 videos" in shown and "top-1" not in shown

    # What needs one class per video says so.
    with refuses("model", "one class each", "multi_label"):
        check_whole_videos(spec, Listing(data), "val")
    single = spec.replace(multi_label=False, thresholds=None)
    with refuses("data", "one class per video", "val 0.mp4"):
        check_whole_videos(single, Listing(data), "val")
    with refuses("model", "one class each"):
        evaluate_streams(
            Model(spec, lambda _: None, 1, False), data, tmp_path / "s", {}, Settings()
        )
