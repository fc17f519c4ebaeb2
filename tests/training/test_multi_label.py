"""Training on videos with several classes: loss, validation, thresholds, best epoch, resuming."""

import csv

import keras
import numpy as np
import pytest
from testing import refuses
from videos import encode

from tsm_tf import ModelSpec, build_model, load_checkpoint
from tsm_tf.analysis.curves import read_run
from tsm_tf.data.epoch_order import Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.pipeline import clip_dataset
from tsm_tf.devices import Devices
from tsm_tf.multi_label.metrics import cross_entropy, fit_thresholds, mean_average_precision
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.training.model import loss_and_metric
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.run_folder.state import load_newest
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.step.training_model import TrainingModel
from tsm_tf.training.train import check_multi_label, make_plan, train

LABELS = ("red", "bright below", "rare")
TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 2,
    "batch_size": 4,
    "schedule": "cosine",
    "num_segments": 2,
    "input_size": 32,
    "flips": "none",
    "optimizer": "sgd",
    "learning_rate": 0.005,
}


def film(red, below, seed):
    """Frames that are red or blue, and bright below or above."""
    frames = np.zeros((6, 48, 48, 3), np.uint8)
    frames[..., 0 if red else 2] = 120
    rows = slice(24, 48) if below else slice(0, 24)
    frames[:, rows] += 100
    return frames + np.random.default_rng(seed).integers(0, 30, frames.shape, np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split, count in (("train", 8), ("val", 8)):
        lines = []
        for i in range(count):
            present = (i % 2, i // 2 % 2, i == 5)
            encode(folder / f"{split}{i}.mp4", film(*present[:2], i))
            classes = [str(c) for c in range(3) if present[c]] or ["1"]
            lines.append(f"{split}{i}.mp4 6 {','.join(classes)}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    (folder / "labels.txt").write_text("\n".join(LABELS))
    return folder


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "tsm"
    return output, train(get_recipe("gestures", **TINY), data, output)


def history_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


def predictions(model, data):
    """Logits and classes of the validation videos."""
    batches = list(clip_dataset(data, model.spec, "val", 8))
    logits = np.concatenate([model.predict_on_batch(clips) for clips, _ in batches])
    return logits, np.concatenate([labels for _, labels in batches]) > 0


def test_the_log_has_exact_figures_of_the_validation_videos(run, data):
    output, model = run
    logits, targets = predictions(model, data)
    assert targets[5].tolist() == [True, False, True]
    last = history_of(output)[-1]
    assert float(last["val_mAP"]) == pytest.approx(mean_average_precision(logits, targets))
    assert float(last["val_loss"]) == pytest.approx(cross_entropy(logits, targets), rel=1e-5)
    assert 0 <= float(last["mAP"]) <= 1 and "accuracy" not in last
    assert (output / "curves.png").stat().st_size > 5000


def test_checkpoints_have_fitted_thresholds(run, data):
    output, model = run
    logits, targets = predictions(model, data)
    spec = load_checkpoint(output / "last").spec
    assert spec.multi_label and spec == model.spec
    assert spec.thresholds == fit_thresholds(sigmoid(logits), targets) != (0.5,) * 3

    best = max(float(row["val_mAP"]) for row in history_of(output))
    chosen = load_checkpoint(output)  # best/
    assert mean_average_precision(*predictions(chosen, data)) == pytest.approx(best)
    logits, targets = predictions(chosen, data)
    assert chosen.spec.thresholds == fit_thresholds(sigmoid(logits), targets)


def test_a_run_that_was_killed_publishes_its_thresholds(run, data):
    """After the newest state was saved, and before the checkpoint was written."""
    output, model = run
    written = (output / "last" / "spec.json").read_text()
    (output / "last" / "spec.json").write_text(
        model.spec.replace(thresholds=None).to_json()  # of an epoch before
    )
    train(get_recipe("gestures", **TINY), data, output)
    assert (output / "last" / "spec.json").read_text() == written


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"mixup": 0.8}, {"accumulate": 2}])
def test_mixed_clips_and_accumulated_steps(data, tmp_path, changes):
    train(get_recipe("gestures", **TINY, **changes), data, tmp_path / "run")
    rows = history_of(tmp_path / "run")
    assert len(rows) == 2 and all(0 < float(row["val_mAP"]) <= 1 for row in rows)
    assert all(np.isfinite(float(row["loss"])) for row in rows)


@pytest.mark.slow
def test_a_resumed_epoch_is_the_same(run, data, tmp_path, monkeypatch):
    """A state of which all steps are done, but not the validation."""
    output, _ = run
    stopped = []

    def stop(self, *_, **__):
        stopped.append(True)
        raise KeyboardInterrupt

    recipe = get_recipe("gestures", **TINY)
    execution = Execution(checkpoint_steps=1)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingModel, "evaluate", stop)
        train(recipe, data, tmp_path / "run", execution=execution)
    state = load_newest(tmp_path / "run")
    assert stopped and state is not None and (state.epoch, state.batch) == (0, 2)

    train(recipe, data, tmp_path / "run", execution=execution)
    for row, expected in zip(history_of(tmp_path / "run"), history_of(output), strict=True):
        for name in set(row) - {"seconds"}:
            assert float(row[name]) == pytest.approx(float(expected[name]), rel=1e-4), name


def test_the_loss_is_the_mean_sigmoid_cross_entropy(data):
    spec = ModelSpec(
        backbone="resnet18", num_classes=3, num_segments=2, input_size=32, multi_label=True
    )
    model = TrainingModel(build_model(spec), multi_label=True)
    loss, metric = loss_and_metric(spec, has_soft_labels=False)
    logits = np.array([[0.0, 2.0, -1.0], [3.0, -2.0, 0.5]], np.float32)
    targets = np.array([[1, 0, 0], [1, 1, 0]], np.float32)
    assert float(loss(targets, logits)) == pytest.approx(cross_entropy(logits, targets), rel=1e-5)
    assert isinstance(metric, keras.metrics.Metric) and metric.name == "mAP"
    mixed, _ = loss_and_metric(spec, has_soft_labels=True)
    assert isinstance(mixed, keras.losses.BinaryCrossentropy)
    assert model.thresholds is not None and not model.thresholds.trainable
    # Other models have no such variable: their states are those of older versions.
    single = TrainingModel(build_model(spec.replace(multi_label=False)))
    assert single.thresholds is None and len(single.variables) == len(model.variables) - 1


def test_what_several_classes_exclude(data, tmp_path):
    with refuses("teacher", "several classes"):
        check_multi_label(Initialization(teacher="x"), Devices())
    with refuses("strategy", "one machine", "2 processes"):
        check_multi_label(Initialization(), Devices(share=Share(0, 2)))
    with refuses("data", "one class per video for streams"):
        make_plan(get_recipe("gestures_online", quick_variant=True), Listing(data), Devices())
    for path in data.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "background.txt").write_text("rare\n")
    with refuses("data", "no background classes", "rare"):
        make_plan(get_recipe("gestures", **TINY), Listing(tmp_path), Devices())


def test_what_is_printed(run, data, capsys):
    output, _ = run
    recipe = get_recipe("gestures", **TINY)
    plan = make_plan(recipe, Listing(data), Devices())
    assert "videos have several classes: sigmoid cross-entropy" in capsys.readouterr().out
    assert plan.metric == ("mAP", "mAP")
    with refuses("runs", "one class each", "val_accuracy"):
        read_run(output)
