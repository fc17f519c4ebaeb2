import keras
import numpy as np
import pytest

from tsm_tf.training import progress as module
from tsm_tf.training.progress import Progress, WrongClips, film_strip


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until the test sets it."""

    class Clock:
        now = 100.0

    monkeypatch.setattr("time.perf_counter", lambda: Clock.now)
    return Clock


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def test_line_of_progress(clock, capsys):
    """Steps of 20 s, a quarter of which wait for clips; the first one does not count as waiting."""
    progress = Progress(epochs=2, steps_per_epoch=3, batch_size=8, local_batch_size=4)
    progress.on_epoch_begin(0)
    for step in range(3):
        clock.now += 5
        for place in range(4 * step, 4 * step + 4):
            progress.clip_ready(place)
        clock.now += 15
        progress.on_train_batch_end(step, {"loss": 1.5 - step / 10, "accuracy": step / 4})
    assert [line.removeprefix("epoch 1/2  step ") for line in lines(capsys)] == [
        "1/3  loss 1.500, top-1 0.0%  0.4 clips/s, 0% waiting for data",
        "2/3  loss 1.400, top-1 25.0%  0.4 clips/s, 12% waiting for data  1:20 left",
        "3/3  loss 1.300, top-1 50.0%  0.4 clips/s, 17% waiting for data  1:00 left",
    ]
    progress.on_test_begin()
    clock.now += 30
    progress.on_test_end()
    logs = {"loss": 1.25, "accuracy": 0.5, "val_loss": 2.5, "val_accuracy": 0.125}
    progress.on_epoch_end(0, logs)
    assert lines(capsys) == [
        "epoch 1/2  step 3/3  loss 1.250, top-1 50.0%  0.4 clips/s, 17% waiting for data  2:00 left"
        "  val: loss 2.500, top-1 12.5%"
    ]


def test_line_names_the_unit(clock, capsys):
    progress = Progress(2, 3, batch_size=8, local_batch_size=8, unit="windows")
    progress.on_epoch_begin(0)
    clock.now += 20
    progress.on_train_batch_end(0, {"loss": 1.5, "accuracy": 0.5})
    assert "0.4 windows/s" in lines(capsys)[0]


def test_the_compilation_in_the_first_step_does_not_count_as_step_time(clock, capsys):
    """The first step takes 100 s, the next ones 2 s and 11 s, so their median is 6.5 s."""
    progress = Progress(epochs=1, steps_per_epoch=163, batch_size=8, local_batch_size=8)
    progress.on_epoch_begin(0)
    for step, seconds in enumerate((100, 2, 11)):
        clock.now += seconds
        progress.on_train_batch_end(step, {"loss": 1.5})
    first, last = lines(capsys)
    assert "left" not in first and last.endswith("  17:20 left")  # for 160 steps


def test_a_resumed_epoch_counts_its_earlier_steps(clock, capsys):
    progress = Progress(1, 10, 8, 8, first_batch=7, metric="map", title="mAP")
    progress.on_epoch_begin(0)
    clock.now += 20
    progress.on_train_batch_end(0, {"loss": 1.0, "map": 0.5})
    assert lines(capsys)[0].startswith("epoch 1/1  step 8/10  loss 1.000, mAP 50.0%  ")


def test_settle_waits_until_no_clip_is_loaded(clock, monkeypatch):
    progress = Progress(1, 10, 8, 8)
    progress.clip_ready(0)

    def sleep(seconds):
        clock.now += seconds
        if clock.now < 100.5:
            progress.clip_ready(1)

    monkeypatch.setattr("time.sleep", sleep)
    progress.settle()
    assert 101.3 < clock.now < 101.6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (36_125, "10:02:05")],
)
def test_clock(seconds, text):
    assert module._clock(seconds) == text


def test_film_strip():
    clip = np.stack([np.full((4, 100, 3), 10 * t, np.uint8) for t in range(1, 4)])
    strip = film_strip(clip, "Left")
    assert strip.shape == (16 + 4, 300, 3)
    np.testing.assert_array_equal(strip[16:, :100], clip[0])
    np.testing.assert_array_equal(strip[16:, 200:], clip[2])
    assert strip[:16].max() > 200 and not strip[:16, 100:].any()


def test_a_film_strip_of_flow_shows_x_and_y():
    clip = np.arange(2 * 4 * 100 * 10).astype(np.uint8).reshape(2, 4, 100, 10)
    strip = film_strip(clip, "")[16:]
    np.testing.assert_array_equal(strip[:, 100:, :2], clip[1, ..., :2])
    assert (strip[..., 2] == 128).all()


def test_wrong_clips_are_written_for_tensorboard(tmp_path):
    """The model says class 1 whenever a clip is bright; the second and the third clip are wrong."""
    import tensorflow as tf

    model = keras.Sequential(
        [
            keras.Input((2, 4, 4, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(2, kernel_initializer="zeros"),
        ]
    )
    kernel, bias = np.zeros((96, 2)), np.array([0.0, -96 * 100.0])
    kernel[:, 1] = 1
    model.layers[-1].set_weights([kernel, bias])
    clips = np.stack([np.full((2, 4, 4, 3), v, np.uint8) for v in (20, 40, 200, 220)])
    callback = WrongClips(clips, np.array([0, 1, 0, 1]), ("Left", "Right"), tmp_path)
    callback.set_model(model)
    callback.on_epoch_end(3)

    (path,) = tmp_path.iterdir()
    found = []
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        found += [(event.step, value.tag) for value in event.summary.value]
    assert found == [(3, "wrong clips/0"), (3, "wrong clips/1")]
