"""What people watch while a training runs: the line of progress, and clips that the model takes for something else."""

import pathlib
import statistics
import sys
import time

import keras
import numpy as np

_SECONDS_BETWEEN_LINES = 10  # where the output is no terminal
_IDLE_SECONDS = 1
_WRONG_CLIPS = 8
_CAPTION = 16  # pixels


class Progress(keras.callbacks.Callback):
    """Prints loss, top-1, clips a second, the share of time in which steps waited for clips, and the time left.

    Args:
        epochs: of the training.
        steps_per_epoch: of a whole epoch.
        batch_size: clips a step, of all processes together.
        local_batch_size: clips a step of this process.
        first_batch: where the first epoch goes on.
    """

    def __init__(
        self,
        epochs: int,
        steps_per_epoch: int,
        batch_size: int,
        local_batch_size: int,
        first_batch: int = 0,
    ):
        super().__init__()
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.batch_size = batch_size
        self.local_batch_size = local_batch_size
        self.first_batch = first_batch
        self.all_steps = 0
        self.clip_at = 0.0
        self.ready_at: dict[int, float] = {}
        self.validation_seconds = 0.0
        self.shown_at = 0.0
        self.recent: list[float] = []  # seconds of the last steps

    def on_clip(self, place: int) -> None:
        """Takes note of when a batch was complete; `clip_dataset` calls it from its threads."""
        self.clip_at = self.ready_at[place // self.local_batch_size] = time.perf_counter()

    def settle(self) -> None:
        """Waits until no clip is being loaded.

        TensorFlow 2.17 holds Python's lock while it ends a pipeline and waits for calls that need the lock: an iterator
        that is dropped while clips are loaded hangs the process. Its buffers are full soon, and then it loads none.
        """
        while time.perf_counter() - self.clip_at < _IDLE_SECONDS:
            time.sleep(0.1)

    def on_epoch_begin(self, epoch, logs=None):
        """Begins to count."""
        self.epoch, self.steps, self.waited = epoch, 0, 0.0
        self.began = self.step_began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Counts, and shows the line now and then."""
        now = time.perf_counter()
        ready = self.ready_at.pop(self.all_steps, self.step_began)
        self.all_steps += 1
        if self.recent:  # the very first step asks for clips only after TensorFlow has compiled it
            self.waited += min(max(0.0, ready - self.step_began), now - self.step_began)
        self.steps += 1
        self.recent = [*self.recent[-49:], now - self.step_began]
        self.step_began = now
        if now - self.shown_at > (0.2 if sys.stdout.isatty() else _SECONDS_BETWEEN_LINES):
            self.shown_at = now
            self._show(self._line(logs, now))

    def on_test_begin(self, logs=None):
        """Keeps the end of the training's part of the epoch."""
        self.trained_at = time.perf_counter()

    def on_test_end(self, logs=None):
        """Takes note of how long a validation takes."""
        self.validation_seconds = time.perf_counter() - self.trained_at

    def on_epoch_end(self, epoch, logs=None):
        """Shows the epoch's line with the validation."""
        line = self._line(logs, getattr(self, "trained_at", time.perf_counter()))
        if "val_accuracy" in logs:
            line += f"  val: loss {logs['val_loss']:.3f}, top-1 {logs['val_accuracy']:.1%}"
        self._show(line, last=True)
        self.first_batch = 0

    def _line(self, logs, now):
        step = self.first_batch + self.steps
        seconds = max(1e-9, now - self.began)
        rest = (self.epochs - self.epoch - 1) * self.steps_per_epoch + self.steps_per_epoch - step
        left = (
            rest * statistics.median(self.recent or [0.0])
            + (self.epochs - self.epoch) * self.validation_seconds
        )
        numbers = (
            f"loss {logs['loss']:.3f}, top-1 {logs['accuracy']:.1%}  " if "loss" in logs else ""
        )
        return (
            f"epoch {self.epoch + 1}/{self.epochs}  step {step}/{self.steps_per_epoch}  {numbers}"
            f"{self.steps * self.batch_size / seconds:.1f} clips/s, {self.waited / seconds:.0%} waiting for data  "
            f"{_clock(left)} left"
        )

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
    """Writes clips of one batch that the model takes for another class as images for TensorBoard, after each epoch.

    Args:
        clips: `uint8 [B, T, H, W, 3]`.
        labels: `int [B]`.
        names: class names.
        directory: of TensorBoard's events.
    """

    def __init__(
        self, clips: np.ndarray, labels: np.ndarray, names: tuple[str, ...], directory: pathlib.Path
    ):
        super().__init__()
        self.clips, self.labels, self.names = clips, labels, names
        self.directory = directory

    def on_epoch_end(self, epoch, logs=None):
        """Writes up to eight of them."""
        import tensorflow as tf

        predicted = np.argmax(
            keras.ops.convert_to_numpy(self.model(self.clips, training=False)), axis=1
        )
        wrong = np.flatnonzero(predicted != self.labels)[:_WRONG_CLIPS]
        with tf.summary.create_file_writer(str(self.directory)).as_default(step=epoch):
            for number, index in enumerate(wrong):
                caption = (
                    f"{self.names[self.labels[index]]}, taken for {self.names[predicted[index]]}"
                )
                tf.summary.image(
                    f"wrong clips/{number}", film_strip(self.clips[index], caption)[None]
                )


def film_strip(clip: np.ndarray, caption: str) -> np.ndarray:
    """Returns a clip's frames side by side under a caption, `uint8 [H + 16, T * W, 3]`."""
    import cv2

    strip = np.concatenate(list(clip), axis=1)
    title = np.zeros((_CAPTION, strip.shape[1], 3), np.uint8)
    cv2.putText(
        title, caption, (2, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.concatenate([title, strip])
