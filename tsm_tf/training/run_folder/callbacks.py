"""Keras callbacks that keep a run's folder, each with one job.

They belong in one list in this order, since each uses what those before it did at the same event:
`StopOnNan`, `StateSaver`, `Publisher`, `StopOnSignal`, `BadVideoReport`.
"""

import math
import pathlib
import signal
import threading
import time
from typing import Any

import keras
import numpy as np

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.devices import Devices
from tsm_tf.errors import InputError
from tsm_tf.files import remove_temporary_files
from tsm_tf.keras_internals import build_symbolically
from tsm_tf.models.network import refresh
from tsm_tf.training.run_folder.curves import CURVES_FILE, LOG_FILE, plot_curves, write_log
from tsm_tf.training.run_folder.folder import LAST
from tsm_tf.training.run_folder.run_settings import disk_errors
from tsm_tf.training.run_folder.state import TrainingState, load_newest, save_state
from tsm_tf.training.step.fitted_model import FittedModel
from tsm_tf.training.step.parameter_groups import batch_norms
from tsm_tf.weights.checkpoint import BEST, save_checkpoint

_STATE_COPIES = 8  # of the weights; Adam with averaged weights and summed gradients has 5
_STATE_OVERHEAD = 64 << 20
_STATE_BYTES = 64  # at most, per weight; Adam with averages and summed gradients needs 20
_STATE_OVERHEAD = 64 << 20
_AGREE_EVERY = 10  # steps after which several processes agree on whether to stop


class Preempted(Exception):
    """The process received SIGTERM, and its state is saved."""


class StateSaver(keras.callbacks.Callback):
    """Saves training states, from which a run resumes exactly.

    A state is one file, which also holds the history, so that all other files can be written again
    from it. Killing the process loses only the steps since the newest state, and repeating them
    gives the same result.

    Args:
        directory: the run's folder.
        devices: only the chief writes.
        save_every: steps between states within an epoch; 0 saves only at the end of each epoch.

    Attributes:
        state: how far the training is; its arrays are those of the newest saved state.
    """

    def __init__(self, directory: pathlib.Path, devices: Devices, save_every: int = 0):
        super().__init__()
        self.directory = directory
        self.devices = devices
        self.save_every = save_every
        self.state = TrainingState()
        self.epoch_began = time.perf_counter()
        self._saved_at: tuple[int, int] | None = None
        self._training_metrics: dict[str, np.ndarray] | None = None  # during a validation

    def restore(self, model: FittedModel, batch: Any) -> TrainingState:
        """Restores a compiled model from the newest state; without one, it stays as it is.

        Args:
            model: built and compiled like the model that was saved.
            batch: clips and labels, of which only shapes and types are used.

        Returns:
            The restored state, or that of a training that has not begun.

        Raises:
            InputError: the processes do not see the same folder, or the state is another model's.
        """
        state = load_newest(self.directory, _largest_state(model)) or self.state
        if not self.devices.agree_on(state.epoch + state.batch / 1e7):
            rule = "must be a folder that all workers can see"
            raise InputError("output", rule, str(self.directory))
        if self.devices.is_chief:
            remove_temporary_files(self.directory)
        if state.arrays:
            self.state = state
            build_symbolically(model, batch)
            _assign(_weights(model), state.arrays)
            refresh(model.clip_model)
        return state

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch_began = time.perf_counter() - self.state.seconds
        self._training_metrics = None
        if self.state.batch:  # the epoch resumes, with the metrics of its first part
            _assign(_metrics(self.model), self.state.arrays)

    def on_train_batch_end(self, batch, logs=None):
        self.state.batch += 1
        if self.save_every and self.state.batch % self.save_every == 0:
            self.save()

    def on_test_begin(self, logs=None):
        self._training_metrics = _arrays(_metrics(self.model))  # the validation resets them

    def on_epoch_end(self, epoch, logs: Any = None):
        row = {"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}}
        row["learning_rate"] = _learning_rate(self.model)
        row["seconds"] = round(time.perf_counter() - self.epoch_began, 2)
        self.state = TrainingState(epoch + 1, history=[*self.state.history, row])
        self._training_metrics = None
        self.save()

    def save(self) -> None:
        """Saves the current state, unless it was the last one to be saved.

        Raises:
            InputError: a weight is NaN or infinite, or the folder cannot be written.
        """
        state = self.state
        if self._saved_at == (state.epoch, state.batch):
            return
        self.devices.average_statistics(batch_norms(self.model))
        state.seconds = time.perf_counter() - self.epoch_began if state.batch else 0.0
        metrics = self._training_metrics or _arrays(_metrics(self.model))
        state.arrays = {**_arrays(_weights(self.model)), **metrics}
        if not all(np.isfinite(v).all() for v in state.arrays.values() if v.dtype.kind == "f"):
            raise nan_error(self.model, self.directory, state.place)
        if self.devices.is_chief:
            with disk_errors(self.directory):
                save_state(self.directory, state)
        self._saved_at = (state.epoch, state.batch)


class StopOnNan(keras.callbacks.Callback):
    """Ends the training with an error when the loss is NaN or infinite.

    Args:
        saver: the run's state saver, which counts this step after this callback.
    """

    def __init__(self, saver: StateSaver):
        super().__init__()
        self.saver = saver

    def on_train_batch_end(self, batch, logs: Any = None):
        if not np.isfinite(logs["loss"]):
            state = self.saver.state
            place = f"epoch {state.epoch + 1}, step {state.batch + 1}"
            raise nan_error(self.model, self.saver.directory, place)


class StopOnSignal(keras.callbacks.Callback):
    """Saves the state and stops after SIGTERM, which schedulers send before they take a machine.

    Args:
        saver: the run's state saver.
        devices: all processes stop at the same step.

    Raises:
        Preempted: from the end of a step, of an epoch, or of a validation step.
    """

    def __init__(self, saver: StateSaver, devices: Devices):
        super().__init__()
        self.saver = saver
        self.devices = devices
        self.received = False
        self._previous_handler = None

    def on_train_begin(self, logs=None):
        if threading.current_thread() is threading.main_thread():
            self._previous_handler = signal.signal(signal.SIGTERM, self._on_sigterm)

    def on_train_end(self, logs=None):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._previous_handler)

    def on_train_batch_end(self, batch, logs=None):
        stop = self.received
        if self.devices.share.count > 1:
            stop = self.saver.state.batch % _AGREE_EVERY == 0 and self.devices.any(stop)
        if stop:
            self._stop()

    def on_test_batch_end(self, batch, logs=None):
        if self.received and self.devices.share.count == 1:
            self._stop()  # resuming repeats the validation

    def on_epoch_end(self, epoch, logs=None):
        if self.devices.any(self.received):  # short epochs have no step at which processes agree
            self._stop()

    def _on_sigterm(self, *_):
        self.received = True

    def _stop(self):
        self.saver.save()
        raise Preempted


class Publisher(keras.callbacks.Callback):
    """Writes `last/`, `best/`, the log and the curves after each epoch.

    Args:
        saver: the run's state saver, which has the history.
        best: name of the metric, as in the log, whose highest value decides `best/`.
    """

    def __init__(self, saver: StateSaver, best: str = "val_accuracy"):
        super().__init__()
        self.saver = saver
        self.best = best

    def on_epoch_end(self, epoch, logs=None):
        self.publish(self.model)

    def publish(self, model: FittedModel) -> None:
        """Writes all files for the newest epoch."""
        directory, history = self.saver.directory, self.saver.state.history
        missing = {"loss", "val_loss", self.best} - set(history[0])
        if missing:
            rule = f"must be a run that logged {', '.join(sorted(missing))}"
            raise InputError("output", rule, str(directory))
        clip_model = model.finished_clip_model()
        with disk_errors(directory):
            save_checkpoint(clip_model, directory / LAST)
            if history[-1][self.best] >= max(row[self.best] for row in history):
                save_checkpoint(clip_model, directory / BEST)
            write_log(history, directory / LOG_FILE)
            plot_curves(history, directory / CURVES_FILE, self.best.removeprefix("val_"))


class BadVideoReport(keras.callbacks.Callback):
    """Lists after each epoch the videos that were left out of it."""

    def __init__(self):
        super().__init__()
        self.errors: list[BadVideoError] = []

    def bad_video(self, error: BadVideoError) -> None:
        """Records a video that could not be decoded; called from the threads of `clip_dataset`."""
        self.errors.append(error)

    def on_epoch_end(self, epoch, logs=None):
        if not self.errors:
            return
        reasons = {error.path: error.reason for error in self.errors}
        print(f"\n{len(reasons)} videos left out of epoch {epoch + 1}:")
        for path, reason in sorted(reasons.items()):
            print(f"  {path}: {reason}")
        self.errors.clear()


def nan_error(model: keras.Model, directory: pathlib.Path, place: str) -> InputError:
    """Returns the error for a loss or a weight that is NaN or infinite."""
    newest = load_newest(directory)
    kept = f"the state of {newest.place} was kept" if newest else "no state was saved yet"
    rule = (
        "must be lower, or the initial weights better: the loss or the weights became NaN or "
        f"infinite at {place}; {kept}"
    )
    return InputError("learning_rate", rule, _learning_rate(model))


def _learning_rate(model):
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def _weights(model):
    """Returns names in the state and variables: weights, random generators, the optimizer."""
    weights = {f"weight_{i}": v for i, v in enumerate(model.variables)}
    return weights | {f"optimizer_{i}": v for i, v in enumerate(model.optimizer.variables)}


def _metrics(model):
    return {f"metric_{i}": v for i, v in enumerate(model.metrics_variables)}


def _arrays(variables):
    return {name: keras.ops.convert_to_numpy(v) for name, v in variables.items()}


def _assign(variables, arrays):
    for name, variable in variables.items():
        array, shape = arrays.get(name), tuple(variable.shape)
        if array is None or array.shape != shape or array.dtype.kind not in "biuf":
            received = None if array is None else f"{array.dtype} {array.shape}"
            rule = f"must be a run whose states have the model's {name}, of shape {shape}"
            raise InputError("output", rule, received)
        variable.assign(array)


def _largest_state(model):
    """Returns more bytes than a state of a model has, whatever the optimizer."""
    return _STATE_OVERHEAD + _STATE_BYTES * sum(math.prod(v.shape) for v in model.variables)
