"""What a training leaves behind: its states, the checkpoints, the log, the curves."""

import pathlib
import signal
import threading
import time

import keras
import numpy as np

from tsm_tf.data.sources.video_file import BadVideoError
from tsm_tf.errors import InputError
from tsm_tf.files import replacing, write_csv
from tsm_tf.models.network import refresh
from tsm_tf.training.devices import Devices
from tsm_tf.training.run_folder.run_settings import room_or_error
from tsm_tf.training.run_folder.state import STATES, TrainingState, load_newest, save_state
from tsm_tf.weights.checkpoint import BEST, save_checkpoint

LAST = "last"
LOG_FILE = "log.csv"
CURVES_FILE = "curves.png"
_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")
_AGREE_EVERY = 10  # steps after which several processes ask each other whether one has to stop


class Preempted(Exception):
    """The process was told to end by SIGTERM, and its state is saved."""


class RunFolder(keras.callbacks.Callback):
    """Saves a run's states, writes `last/`, `best/`, `log.csv`, `curves.png` after each epoch; goes on from them.

    A state is one file, verified when it is read; it holds the history, too, so that all other files can be written
    again from it. A kill at any moment loses the steps since the newest state and nothing else, and these are the
    same when they are done again.

    Args:
        directory: the run's folder.
        devices: only the chief writes.
        save_every: steps between states within an epoch; 0 saves at the epochs' ends only.
    """

    def __init__(self, directory: pathlib.Path, devices: Devices, save_every: int = 0):
        super().__init__()
        self.directory = directory
        self.devices = devices
        self.save_every = save_every
        self.state = TrainingState()
        self.training_logs = {}
        self.told_to_stop = False

    def restore(self, model: keras.Model, batch) -> TrainingState:
        """Brings a compiled model back to the newest state; returns it, or that of a training that has not begun.

        Args:
            model: made and compiled as the one that was saved.
            batch: clips and labels, of which only shapes and types are used.

        Raises:
            InputError: the processes do not see the same folder.
        """
        state = load_newest(self.directory / STATES) or self.state
        if not self.devices.agree_on(state.epoch + state.batch / 1e7):
            raise InputError("output", "must be a folder that all workers see", str(self.directory))
        if self.devices.is_chief:
            for path in self.directory.rglob(".writing.*"):  # of a process that was killed
                path.unlink(missing_ok=True)
        if not state.arrays:
            return state
        self.state = state
        model._symbolic_build(
            data_batch=batch
        )  # Keras makes the metrics' variables as late as in the first step
        _assign(self._variables(model), state.arrays)
        refresh(model)
        if state.batch == 0 and self.devices.is_chief:
            self._publish(model)
        return state

    def on_train_begin(self, logs=None):
        """Listens to SIGTERM, which schedulers send before they take the machine away."""
        if threading.current_thread() is threading.main_thread():
            self.handler = signal.signal(signal.SIGTERM, self._on_sigterm)

    def on_train_end(self, logs=None):
        """Listens no more."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.handler)

    def _on_sigterm(self, *_):
        self.told_to_stop = True

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock; in an epoch that goes on, with the metrics of its first part."""
        self.started = time.perf_counter() - self.state.seconds
        if self.state.batch:
            _assign(self._metrics(self.model), self.state.arrays)

    def on_train_batch_end(self, batch, logs=None):
        """Saves every so often, and when it has to stop; refuses to go on from a loss that is no number."""
        state = self.state
        state.batch += 1
        if not np.isfinite(logs["loss"]):
            self._refuse_nan(f"epoch {state.epoch + 1}, step {state.batch}")
        stop = self.told_to_stop
        if self.devices.share.count > 1:
            stop = state.batch % _AGREE_EVERY == 0 and self.devices.any(stop)
        if stop or (self.save_every and state.batch % self.save_every == 0):
            self._save()
        if stop:
            raise Preempted

    def on_test_begin(self, logs=None):
        """Keeps the epoch's metrics, which the validation resets."""
        self.training_logs = self.model.get_metrics_result()
        self.state.arrays = {name: _array(v) for name, v in self._metrics(self.model)}
        self.devices.average_statistics(self.model)

    def on_test_batch_end(self, batch, logs=None):
        """Saves and stops; the validation is done again."""
        if self.told_to_stop and self.devices.share.count == 1:
            self._save(self.state.arrays)
            raise Preempted

    def on_epoch_end(self, epoch, logs=None):
        """Saves, then writes all that people look at."""
        logs = {**self.training_logs, **logs}
        row = {name: float(logs[name]) for name in _COLUMNS if name in logs}
        row |= {"epoch": epoch + 1, "seconds": round(time.perf_counter() - self.started, 2)}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.state = TrainingState(epoch + 1, history=[*self.state.history, row])
        self._save()
        if self.devices.is_chief:
            self._publish(self.model)
        if self.devices.any(
            self.told_to_stop
        ):  # several processes may have had no other step to ask at
            raise Preempted

    def _save(self, metrics=None):
        """Saves the state; `metrics` are those of the epoch's training, if the model's are others by now."""
        self.devices.average_statistics(self.model)
        state = self.state
        state.seconds = time.perf_counter() - self.started if state.batch else 0.0
        state.arrays = {name: _array(v) for name, v in self._variables(self.model)}
        state.arrays |= metrics or {name: _array(v) for name, v in self._metrics(self.model)}
        if not all(np.isfinite(v).all() for v in state.arrays.values() if v.dtype.kind == "f"):
            self._refuse_nan(state.where)
        if self.devices.is_chief:
            with room_or_error(self.directory):
                save_state(self.directory / STATES, state)

    def _refuse_nan(self, where):
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        newest = load_newest(self.directory / STATES)
        kept = f"the state of {newest.where} is kept" if newest else "there was no state yet"
        rule = (
            f"must be lower, or the start better: loss or weights are no numbers at {where}; {kept}"
        )
        raise InputError("learning_rate", rule, rate)

    def _publish(self, model):
        history = self.state.history
        with room_or_error(self.directory):
            save_checkpoint(model, self.directory / LAST)
            if history[-1]["val_accuracy"] >= max(row["val_accuracy"] for row in history):
                save_checkpoint(model, self.directory / BEST)
            write_csv(self.directory / LOG_FILE, history, _COLUMNS)
            plot_curves(history, self.directory / CURVES_FILE)

    @staticmethod
    def _variables(model):
        """Pairs of a name in the state and a variable: weights, states of random generators, optimizer."""
        yield from ((f"weight_{i}", v) for i, v in enumerate(model.variables))
        yield from ((f"optimizer_{i}", v) for i, v in enumerate(model.optimizer.variables))

    @staticmethod
    def _metrics(model):
        return ((f"metric_{i}", v) for i, v in enumerate(model.metrics_variables))


def _array(variable):
    return keras.ops.convert_to_numpy(variable)


def _assign(variables, arrays):
    for name, variable in variables:
        variable.assign(arrays[name])


def plot_curves(history: list[dict], path: pathlib.Path) -> None:
    """Draws loss and top-1 of training and validation over the epochs, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name, title in zip(
        figure.subplots(1, 2), ("loss", "accuracy"), ("loss", "top-1"), strict=True
    ):
        for prefix, label in (("", "training"), ("val_", "validation")):
            axes.plot(epochs, [row[prefix + name] for row in history], marker=".", label=label)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)


class BadVideoReport(keras.callbacks.Callback):
    """Lists after each epoch the videos that were left out of it."""

    def __init__(self, bad_videos: list[BadVideoError]):
        super().__init__()
        self.bad_videos = bad_videos

    def on_epoch_end(self, epoch, logs=None):
        """Prints and forgets them."""
        if self.bad_videos:
            reasons = {error.path: error.reason for error in self.bad_videos}
            print(f"\n{len(reasons)} videos left out of epoch {epoch + 1}:")
            for path, reason in sorted(reasons.items()):
                print(f"  {path}: {reason}")
            self.bad_videos.clear()
