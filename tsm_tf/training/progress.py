"""What a training shows while it runs: a progress line, and misclassified clips in TensorBoard."""

import pathlib
import statistics
import sys
import time
from typing import Any

import keras
import numpy as np

_SECONDS_BETWEEN_LINES = 10  # if the output is not a terminal
_TERMINAL_SECONDS_BETWEEN_LINES = 0.2
_TIMED_STEPS = 50
_IDLE_SECONDS = 1
_WRONG_CLIPS = 8
_CAPTION = 16  # pixels


class Progress(keras.callbacks.Callback):
    """Prints loss, a metric, speed, the share of time spent waiting for clips, and the time left.

    The time left is estimated from the second step on, because the first one includes compilation.

    Args:
        epochs: epochs of the whole training.
        steps_per_epoch: steps per complete epoch.
        batch_size: clips per step, in all processes together.
        local_batch_size: clips per step in this process.
        first_batch: number of steps that the first epoch has behind it already.
        metric: name of the metric to show, a share from 0 to 1.
        title: name of the metric in the line.
        unit: what a step counts, such as "clips".
    """

    def __init__(
        self,
        epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        local_batch_size: int,
        first_batch: int = 0,
        metric: str = "accuracy",
        title: str = "top-1",
        unit: str = "clips",
    ):
        super().__init__()
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.local_batch_size = local_batch_size
        self.first_batch = first_batch
        self.metric = metric
        self.title = title
        self.unit = unit

        self.epoch = 0
        self.steps = 0  # of this epoch, in this process
        self.all_steps = 0
        self.recent: list[float] = []  # seconds of the last steps
        self.waited = 0.0
        self.validation_seconds = 0.0

        self.clip_at = 0.0
        self.ready_at: dict[int, float] = {}
        self.epoch_began = self.step_began = self.trained_at = time.perf_counter()
        self.shown_at = 0.0

    def clip_ready(self, place: int) -> None:
        """Records when a batch was complete; called from the threads of `clip_dataset`."""
        self.clip_at = self.ready_at[place // self.local_batch_size] = time.perf_counter()

    def settle(self) -> None:
        """Waits until no clip is being loaded.

        TensorFlow 2.17 holds Python's lock while it ends a pipeline and waits for calls that need
        the lock: the process hangs if an iterator is dropped while clips are loaded. The pipeline's
        buffers soon fill up, and then it loads no more.
        """
        while time.perf_counter() - self.clip_at < _IDLE_SECONDS:
            time.sleep(0.1)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.steps, self.waited = epoch, 0, 0.0
        self.epoch_began = self.step_began = self.trained_at = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        ready = self.ready_at.pop(self.all_steps, self.step_began)
        if self.all_steps:  # the very first step is compiled, and only then asks for clips
            self.waited += min(max(0.0, ready - self.step_began), now - self.step_began)
            self.recent = [*self.recent[1 - _TIMED_STEPS :], now - self.step_began]
        self.all_steps += 1
        self.steps += 1
        self.step_began = self.trained_at = now

        is_terminal = sys.stdout.isatty()
        pause = _TERMINAL_SECONDS_BETWEEN_LINES if is_terminal else _SECONDS_BETWEEN_LINES
        if now - self.shown_at > pause:
            self.shown_at = now
            self._show(self._line(logs, now))

    def on_test_begin(self, logs=None):
        self.trained_at = time.perf_counter()

    def on_test_end(self, logs=None):
        self.validation_seconds = time.perf_counter() - self.trained_at

    def on_epoch_end(self, epoch, logs: Any = None):
        line = self._line(logs, self.trained_at)
        validation = f"val_{self.metric}"
        if validation in logs:
            line += f"  val: loss {logs['val_loss']:.3f}, {self.title} {logs[validation]:.1%}"
        self._show(line, last=True)
        self.first_batch = 0

    def _line(self, logs, now):
        step = self.first_batch + self.steps
        seconds = max(1e-9, now - self.epoch_began)
        numbers = f"loss {logs['loss']:.3f}  " if "loss" in logs else ""
        if self.metric in logs:
            numbers = f"loss {logs['loss']:.3f}, {self.title} {logs[self.metric]:.1%}  "
        return (
            f"epoch {self.epoch + 1}/{self.epochs}  step {step}/{self.steps_per_epoch}  {numbers}"
            f"{self.steps * self.batch_size / seconds:.1f} {self.unit}/s, "
            f"{self.waited / seconds:.0%} waiting for data{self._time_left(step)}"
        )

    def _time_left(self, step):
        if not self.recent:
            return ""
        epochs = self.epochs - self.epoch  # with the current one
        steps = epochs * self.steps_per_epoch - step
        seconds = steps * statistics.median(self.recent) + epochs * self.validation_seconds
        return f"  {_clock(seconds)} left"

    @staticmethod
    def _show(line, last=False):
        if sys.stdout.isatty():
            print(f"\r\033[K{line}", end="\n" if last else "", flush=True)
        else:
            print(line, flush=True)


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


class WrongClips(keras.callbacks.Callback):
    """Writes misclassified clips of one batch as images for TensorBoard, after each epoch.

    Args:
        inputs: clips, `uint8 [B, T, H, W, 3]`; or clips and boxes, for a network that takes boxes.
        labels: `int [B]`.
        names: class names.
        directory: folder for TensorBoard's event files.
    """

    def __init__(
        self,
        inputs: np.ndarray | tuple[np.ndarray, np.ndarray],
        labels: np.ndarray,
        names: tuple[str, ...],
        directory: pathlib.Path,
    ):
        super().__init__()
        self.inputs, self.labels, self.names = inputs, labels, names
        self.clips = inputs[0] if isinstance(inputs, tuple) else inputs
        self.directory = directory

    def on_epoch_end(self, epoch, logs=None):
        import tensorflow as tf

        logits = keras.ops.convert_to_numpy(self.model(self.inputs, training=False))
        predicted = np.argmax(logits, axis=1)
        wrong = np.flatnonzero(predicted != self.labels)[:_WRONG_CLIPS]
        with tf.summary.create_file_writer(str(self.directory)).as_default(step=epoch):
            for number, index in enumerate(wrong):
                label, prediction = self.names[self.labels[index]], self.names[predicted[index]]
                strip = film_strip(self.clips[index], f"{label}, classified as {prediction}")
                tf.summary.image(f"wrong clips/{number}", strip[None])


def film_strip(clip: np.ndarray, caption: str) -> np.ndarray:
    """Returns a clip's frames side by side under a caption, `uint8 [H + 16, T * W, 3]`.

    Of optical flow, x and y of each segment's first frame are shown as red and green.
    """
    import cv2

    if clip.shape[-1] != 3:
        clip = np.concatenate([clip[..., :2], np.full_like(clip[..., :1], 128)], axis=-1)
    strip = np.concatenate(list(clip), axis=1)
    title = np.zeros((_CAPTION, strip.shape[1], 3), np.uint8)
    position, white = (2, 12), (255, 255, 255)
    cv2.putText(title, caption, position, cv2.FONT_HERSHEY_SIMPLEX, 0.4, white, 1, cv2.LINE_AA)
    return np.concatenate([title, strip])
