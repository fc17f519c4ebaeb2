import os
import signal

import keras
import numpy as np
import pytest
from testing import array, frames, refuses

from tsm_tf.data.epoch_order import Share
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.devices import Devices
from tsm_tf.training.run_folder import callbacks
from tsm_tf.training.run_folder.callbacks import (
    BadVideoReport,
    Preempted,
    Publisher,
    StateSaver,
    StopOnNan,
    StopOnSignal,
)
from tsm_tf.training.run_folder.state import STATES, load_newest, save_state
from tsm_tf.training.step.training_model import TrainingModel

CLIPS, LABELS = frames(8, 3), np.arange(8) % 2


def small_model(rate=0.1):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    model = TrainingModel(keras.Sequential([keras.Input((3,)), *layers]))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, 0.9), loss, weighted_metrics=["accuracy"])
    return model


def fit(model, used, epochs=2, initial_epoch=0, clips=CLIPS):
    model.fit(
        clips,
        LABELS,
        batch_size=2,
        epochs=epochs,
        initial_epoch=initial_epoch,
        validation_data=(CLIPS, LABELS),
        callbacks=used,
        shuffle=False,
        verbose=0,
    )


def names(run):
    return sorted(path.name.rpartition("-")[0] for path in (run / STATES).iterdir())


def test_states_are_saved_and_restored(tmp_path):
    model, saver = small_model(), StateSaver(tmp_path, Devices(), save_every=2)
    fit(model, [saver])
    assert names(tmp_path) == ["00001-0000002", "00001-0000004", "00002-0000000"]
    history = load_newest(tmp_path).history
    assert [row["epoch"] for row in history] == [1, 2]
    columns = {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"}
    assert set(history[0]) == columns and history[0]["learning_rate"] == pytest.approx(0.1)

    other, restored = small_model(), StateSaver(tmp_path, Devices())
    for layer in other.clip_model.layers:
        layer.set_weights([1 + value for value in layer.get_weights()])
    batch = keras.KerasTensor((2, 3)), keras.KerasTensor((2,), "int64")
    state = restored.restore(other, batch)
    assert (state.epoch, state.batch) == (2, 0) and state is restored.state
    pairs = zip(
        (*other.variables, *other.optimizer.variables),
        (*model.variables, *model.optimizer.variables),
        strict=True,
    )
    for found, wanted in pairs:
        np.testing.assert_array_equal(array(found), array(wanted))


@pytest.mark.parametrize(
    ("name", "array", "parts"),
    [
        ("weight_0", None, ("weight_0, of shape (3, 4)", "Received: None")),
        ("weight_0", np.zeros((4, 3), np.float32), ("weight_0", "float32 (4, 3)")),
        ("optimizer_0", np.array("0"), ("optimizer_0", "<U1 ()")),
    ],
)
def test_a_state_of_another_model_is_refused(tmp_path, name, array, parts):
    saver = StateSaver(tmp_path, Devices())
    fit(small_model(), [saver], epochs=1)
    state = load_newest(tmp_path)
    del state.arrays[name]
    if array is not None:
        state.arrays[name] = array
    save_state(tmp_path / "other", state)
    batch = keras.KerasTensor((2, 3)), keras.KerasTensor((2,), "int64")
    with refuses("output", "the model's", *parts):
        StateSaver(tmp_path / "other", Devices()).restore(small_model(), batch)


def test_a_history_without_the_metric_is_refused(tmp_path):
    saver = StateSaver(tmp_path, Devices())
    saver.state.history.append({"epoch": 1, "loss": 1.0, "val_loss": 1.0})
    with refuses("output", "logged val_accuracy", str(tmp_path)):
        Publisher(saver).publish(small_model())
    assert not list(tmp_path.iterdir())


def test_without_a_state_nothing_is_restored(tmp_path):
    model = small_model()
    before = [array(v) for v in model.clip_model.variables]
    state = StateSaver(tmp_path, Devices()).restore(model, None)
    assert (state.epoch, state.batch, state.history, state.arrays) == (0, 0, [], {})
    for old, new in zip(before, model.clip_model.variables, strict=True):
        np.testing.assert_array_equal(old, array(new))


def test_workers_have_to_see_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(Devices, "agree_on", lambda self, number: False)
    with refuses("output", "all workers can see", str(tmp_path)):
        StateSaver(tmp_path, Devices()).restore(small_model(), None)


def test_only_the_chief_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(Devices, "any", lambda self, flag: flag)
    second = Devices(share=Share(1, 2))
    fit(small_model(), [StateSaver(tmp_path, second, save_every=1)], epochs=1)
    assert not list(tmp_path.iterdir())


def test_a_nan_loss_stops_before_it_is_saved(tmp_path):
    saver = StateSaver(tmp_path, Devices(), save_every=1)
    clips = CLIPS.copy()
    clips[5] = np.nan  # in the third step
    with refuses("learning_rate", "epoch 1, step 3; the state of epoch 1, step 2 was kept", "0.1"):
        fit(small_model(), [StopOnNan(saver), saver], clips=clips)
    assert names(tmp_path) == ["00000-0000001", "00000-0000002"]


def test_weights_of_nan_are_not_saved(tmp_path):
    saver = StateSaver(tmp_path, Devices(), save_every=1)
    clips = CLIPS.copy()
    clips[1] = np.nan
    with refuses("learning_rate", "epoch 1, step 1; no state was saved yet"):
        fit(small_model(), [saver], clips=clips)
    assert not list(tmp_path.iterdir())


class Terminate(keras.callbacks.Callback):
    """Sends SIGTERM to this process at one event."""

    def __init__(self, event):
        super().__init__()
        setattr(self, event, lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ("on_train_batch_begin", "00000-0000001"),
        ("on_test_begin", "00000-0000004"),
        ("on_epoch_end", "00001-0000000"),
    ],
)
def test_sigterm_saves_and_stops(tmp_path, event, place):
    before = signal.getsignal(signal.SIGTERM)
    saver = StateSaver(tmp_path, Devices())
    try:
        with pytest.raises(Preempted):
            fit(small_model(), [Terminate(event), saver, StopOnSignal(saver, Devices())])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert names(tmp_path) == [place]


def test_an_uninterrupted_training_restores_the_handler(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    saver = StateSaver(tmp_path, Devices())
    fit(small_model(), [saver, StopOnSignal(saver, Devices())], epochs=1)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_state_is_saved_once_per_step(tmp_path, monkeypatch):
    """Also if SIGTERM arrives at a step that is saved anyway."""
    saved = []
    monkeypatch.setattr(callbacks, "save_state", lambda run, state: saved.append(state.place))
    before = signal.getsignal(signal.SIGTERM)
    saver = StateSaver(tmp_path, Devices(), save_every=1)
    used = [Terminate("on_train_batch_begin"), saver, StopOnSignal(saver, Devices())]
    try:
        with pytest.raises(Preempted):
            fit(small_model(), used)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert saved == ["epoch 1, step 1"]


@pytest.mark.parametrize("best", ["val_accuracy", "val_map"])
def test_the_best_checkpoint_is_the_one_with_the_highest_metric(tmp_path, monkeypatch, best):
    published = []
    monkeypatch.setattr(
        callbacks,
        "save_checkpoint",
        lambda model, folder: published.append((model, folder.name)),
    )
    model, saver = small_model(), StateSaver(tmp_path, Devices())
    metric = best.removeprefix("val_")
    for epoch, value in enumerate([0.25, 0.5, 0.25, 0.5], 1):
        row = {"epoch": epoch, "loss": 1.0, metric: 0.5, "val_loss": 1.0, best: value}
        saver.state.history.append({**row, "learning_rate": 0.1, "seconds": 1.0})
        Publisher(saver, best).publish(model)
    assert [name for _, name in published] == [
        "last",
        "best",
        "last",
        "best",
        "last",
        "last",
        "best",
    ]
    assert all(found is model.clip_model for found, _ in published)
    assert (tmp_path / "log.csv").read_text().count("\n") == 5
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_bad_videos_are_listed_once_per_epoch(capsys):
    report = BadVideoReport()
    for name in ("b.mp4", "a.mp4", "b.mp4"):
        report.bad_video(BadVideoError(name, "no frames"))
    report.on_epoch_end(2)
    assert capsys.readouterr().out == (
        "\n2 videos left out of epoch 3:\n  a.mp4: no frames\n  b.mp4: no frames\n"
    )
    report.on_epoch_end(3)
    assert capsys.readouterr().out == ""
