"""What a training leaves behind after every epoch: checkpoints, the log, the curves."""

import csv
import json
import os
import pathlib
import time

import keras
import numpy as np

from tsm_tf.data.decode import BadVideoError
from tsm_tf.models.checkpoint import BEST, save_checkpoint

LAST = "last"
LOG_FILE = "log.csv"
CURVES_FILE = "curves.png"
_STATE_FILE = "training_state.npz"
_COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds")


class RunFolder(keras.callbacks.Callback):
    """Writes `last/`, `best/`, `log.csv` and `curves.png` of a run after each epoch, and goes on from them.

    `last/` also holds the optimizer's variables and the finished epochs, in one file that is replaced at once and
    carries the weights too. An epoch is finished once it is in there: a kill at any moment loses the epoch in progress
    and nothing else, since all the other files can be written again from it.
    """

    def __init__(self, directory: pathlib.Path):
        super().__init__()
        self.directory = directory
        self.history: list[dict] = []

    def restore(self, model: keras.Model) -> int:
        """Brings a compiled model back to the end of the last finished epoch; returns how many are finished."""
        path = self.directory / LAST / _STATE_FILE
        if not path.is_file():
            return 0
        with np.load(path, allow_pickle=False) as state:
            self.history = json.loads(str(state["history"]))
            model.optimizer.build(model.trainable_variables)
            for name, variables in (("weight", model.variables), ("optimizer", model.optimizer.variables)):
                for number, variable in enumerate(variables):
                    variable.assign(state[f"{name}_{number}"])
        self._publish(model)
        return len(self.history)

    def on_epoch_begin(self, epoch, logs=None):
        """Starts the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        """Writes everything; `last/` first, since it is what `restore` reads."""
        row = {name: float(logs[name]) for name in _COLUMNS if name in logs}
        row |= {"epoch": epoch + 1, "seconds": round(time.perf_counter() - self.started, 2)}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.history.append(row)
        save_checkpoint(self.model, self.directory / LAST)
        self._save_state()
        self._publish(self.model)

    def _publish(self, model):
        if self.history[-1]["val_accuracy"] >= max(row["val_accuracy"] for row in self.history):
            save_checkpoint(model, self.directory / BEST)
        self._write_log()
        plot_curves(self.history, self.directory / CURVES_FILE)

    def _save_state(self):
        state = {f"weight_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self.model.variables)}
        optimizer = self.model.optimizer.variables
        state |= {f"optimizer_{i}": keras.ops.convert_to_numpy(v) for i, v in enumerate(optimizer)}
        path = self.directory / LAST / _STATE_FILE
        temporary = path.with_name(f".writing.{path.name}")
        np.savez(temporary, history=json.dumps(self.history), **state)
        os.replace(temporary, path)

    def _write_log(self):
        temporary = self.directory / f".writing.{LOG_FILE}"
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(self.history)
        os.replace(temporary, self.directory / LOG_FILE)


def plot_curves(history: list[dict], path: pathlib.Path) -> None:
    """Draws loss and top-1 of training and validation over the epochs, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name, title in zip(figure.subplots(1, 2), ("loss", "accuracy"), ("loss", "top-1"), strict=True):
        for prefix, label in (("", "training"), ("val_", "validation")):
            axes.plot(epochs, [row[prefix + name] for row in history], marker=".", label=label)
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    temporary = path.with_name(f".writing.{path.name}")
    figure.savefig(temporary, dpi=110)
    os.replace(temporary, path)


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
