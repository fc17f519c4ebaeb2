import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from testing import array, frames, refuses
from videos import write_data

from tsm_tf.data.epoch_order import Share
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.devices import Devices
from tsm_tf.training.clips import Clips
from tsm_tf.training.fit import explained_errors, tensorboard, validate
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.run_folder.callbacks import BadVideoReport
from tsm_tf.training.settings import Execution
from tsm_tf.training.train import make_plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    data = write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 3})
    recipe = get_recipe(
        "gestures",
        backbone="resnet18",
        num_segments=2,
        input_size=32,
        batch_size=2,
        accumulate=2,
    )
    return make_plan(recipe, Listing(data), Devices())


class Record(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.events = []

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append(("begin", epoch))

    def on_train_batch_end(self, batch, logs=None):
        self.events.append("step")

    def on_test_begin(self, logs=None):
        self.events.append("validation")

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(("end", epoch, {name: float(v) for name, v in logs.items()}))


def test_validation_alone_ends_an_epoch_like_fit():
    """The same events and numbers as in `fit`, without a step."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    dataset = tf.data.Dataset.from_tensor_slices((frames(8, 3), np.arange(8) % 2)).batch(4)
    wanted, metrics = Record(), []

    class KeepMetrics(keras.callbacks.Callback):
        def on_test_begin(self, logs=None):
            metrics.extend(array(v) for v in model.metrics_variables)

    used = [wanted, KeepMetrics()]
    model.fit(dataset, validation_data=dataset, epochs=1, callbacks=used, shuffle=False, verbose=0)
    weights = model.get_weights()

    class RestoreMetrics(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for variable, value in zip(model.metrics_variables, metrics, strict=True):
                variable.assign(value)

    found = Record()
    model.reset_metrics()
    validate(model, dataset, 0, [found, RestoreMetrics()])
    assert found.events == [event for event in wanted.events if event != "step"]
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_keras_step_still_changes_the_weights_without_data():
    """Fails once `fit` on an empty dataset changes nothing: then `validate` may use it."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(weight_decay=0.5), "mse")
    model.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0)
    before = int(model.optimizer.iterations)
    empty = tf.data.Dataset.from_tensor_slices((np.ones((2, 3)), np.ones((2, 2)))).batch(2).take(0)
    with pytest.warns(UserWarning, match="ran out of data"):
        model.fit(empty, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) > before


@pytest.mark.parametrize(
    ("profile", "steps", "profiled"),
    [(True, 100, (10, 20)), (True, 4, (4, 4)), (True, 0, 0), (False, 100, 0)],
)
def test_profiled_steps(plan, tmp_path, monkeypatch, profile, steps, profiled):
    found = []
    monkeypatch.setattr(
        "keras.callbacks.TensorBoard",
        lambda folder, profile_batch: found.append((folder, profile_batch)),
    )
    validation = Clips(plan, Devices(), Execution()).validation()
    _, wrong = tensorboard(tmp_path, plan, validation, profile, steps)
    assert found == [(tmp_path / "tensorboard", profiled)]
    assert wrong.names == ("Swiping Left", "Swiping Right") and wrong.clips.shape[0] == 2


def test_errors_name_their_cause():
    lost = tf.errors.UnavailableError(None, None, "Connection reset\nby peer")
    two = Devices(share=Share(0, 2))
    with (
        refuses("strategy", "lost a worker", "same command to resume", "'Connection reset'"),
        explained_errors(BadVideoReport(), Execution(), two),
    ):
        raise lost
    with (
        pytest.raises(tf.errors.UnavailableError),
        explained_errors(BadVideoReport(), Execution(), Devices()),
    ):
        raise lost
    with (
        pytest.raises(tf.errors.InvalidArgumentError),
        explained_errors(BadVideoReport(), Execution(), two),
    ):
        raise tf.errors.InvalidArgumentError(None, None, "shapes")

    report = BadVideoReport()
    report.bad_video(BadVideoError("a.mp4", "no frames"))
    with (
        pytest.raises(BadVideoError, match=r"a\.mp4"),
        explained_errors(report, Execution(), Devices()),
    ):
        raise tf.errors.InvalidArgumentError(None, None, "in a thread")


def test_the_warning_about_short_validations_is_silenced_only_there(recwarn):
    with explained_errors(BadVideoReport(), Execution(), Devices()):
        warnings.warn("Your input ran out of data", stacklevel=1)
    assert not recwarn.list
    warnings.warn("Your input ran out of data", stacklevel=1)
    assert len(recwarn.list) == 1
