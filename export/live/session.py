"""One stream through a model: each frame's class, its row for the CSV, and its picture."""

import collections
import contextlib
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from export.live import window
from export.live.frame_clock import AtRate
from export.live.overlay import annotate
from export.live.recording import Recording
from export.live.smoothing import Smoother
from export.runtime import StreamRunner
from tsm_tf.cli import Terminated
from tsm_tf.data.crops import eval_frame
from tsm_tf.evaluation.metrics import softmax

COLUMNS = ("frame", "seconds", "predicted", "shown", "probability", "milliseconds")
_RATE_STEPS = 20  # the frame rate on the screen is that of the last 20 steps


class Session:
    """A stream that runs through a model.

    Args:
        runner: the model.
        smoother: chooses the class to show.
        max_gap: seconds without a frame after which the state is reset; None for no limit.

    Attributes:
        milliseconds: time that the model and the smoothing took, for each frame.
        shown: how often each class was shown.
    """

    def __init__(self, runner: StreamRunner, smoother: Smoother, max_gap: float | None = None):
        self.runner = runner
        self.smoother = smoother
        self.max_gap = max_gap
        self.milliseconds: list[float] = []
        self.shown: collections.Counter[str] = collections.Counter()
        self._last_seconds = None
        self._moments = collections.deque(maxlen=_RATE_STEPS)

    def step(self, number: int, seconds: float, frame: np.ndarray) -> tuple[dict, np.ndarray]:
        """Runs the model on the next RGB frame, of any size.

        Args:
            number: number of the frame in its source.
            seconds: time of the frame.
            frame: `uint8 [H, W, 3]`.

        Returns:
            The row of the CSV (see `COLUMNS`), and the annotated picture.
        """
        self._reset_after_gap(seconds)

        started = time.perf_counter()
        logits = self.runner.step(eval_frame(frame, self.runner.spec))
        shown = self.runner.labels[self.smoother.step(logits)]
        milliseconds = 1000 * (time.perf_counter() - started)

        self.milliseconds.append(milliseconds)
        self.shown[shown] += 1
        self._moments.append(started)

        probabilities = softmax(logits)
        best = int(logits.argmax())
        row = {
            "frame": number,
            "seconds": round(seconds, 3),
            "predicted": self.runner.labels[best],
            "shown": shown,
            "probability": round(float(probabilities[best]), 4),
            "milliseconds": round(milliseconds, 3),
        }
        status = "    ".join(
            (
                f"{seconds:.2f} s",
                f"{milliseconds:.1f} ms per frame",
                f"{self.rate():.1f} frames/s",
                self.runner.runtime,
            )
        )
        return row, annotate(frame, shown, self.runner.labels, probabilities, status)

    def rate(self) -> float:
        """Returns the recent frame rate in frames per second."""
        took = self._moments[-1] - self._moments[0]
        return (len(self._moments) - 1) / took if took else 0.0

    def _reset_after_gap(self, seconds):
        last, self._last_seconds = self._last_seconds, seconds
        if self.max_gap and last is not None and seconds - last > self.max_gap:
            self.runner.reset()
            self.smoother.reset()


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yields an event that Ctrl-C and SIGTERM set, and raises `KeyboardInterrupt` at the end.

    The current frame and the files are thus completed before the program ends.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
        Terminated: SIGTERM was received.
    """
    stop, received = threading.Event(), []

    def on_signal(number, _):
        received.append(number)
        stop.set()

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        raise Terminated if received[0] == signal.SIGTERM else KeyboardInterrupt


def run(session: Session, frames: AtRate, recording: Recording | None, show: bool) -> None:
    """Steps through frames until they end or the window is closed."""
    is_terminal = sys.stdout.isatty()
    start, end, interval = ("\r", "\033[K", 0.2) if is_terminal else ("", "\n", 2)
    reported = time.monotonic()

    for number, seconds, frame in frames:
        row, picture = session.step(number, seconds, frame)
        if recording:
            recording.write(picture, seconds, row)
        if show and not window.show(picture):
            break

        if time.monotonic() - reported > interval:
            reported = time.monotonic()
            took = f"{row['milliseconds']:6.1f} ms"
            line = f"  {seconds:7.1f} s  {took}  {frames.dropped} dropped  {row['shown']}"
            print(start, line, sep="", end=end, flush=True)

    print(start, end=end if is_terminal else "")


def run_and_record(
    session: Session,
    frames: AtRate,
    folder: pathlib.Path | None,
    fps: float,
    show: bool,
) -> None:
    """Runs a session, records it, and prints a summary.

    Args:
        session: the session.
        frames: frames at the model's rate.
        folder: where to record, or None.
        fps: expected number of frames per second.
        show: whether to draw into the window.

    Raises:
        BadVideoError: the file breaks off; everything before that is recorded.
    """
    try:
        if folder is None:
            run(session, frames, None, show)
        else:
            with Recording(folder, fps, COLUMNS) as recording:
                run(session, frames, recording, show)
    finally:
        _print_summary(session, frames, folder)


def _print_summary(session, frames, folder):
    if not session.milliseconds:
        return
    count, median = len(session.milliseconds), float(np.median(session.milliseconds))
    print(f"{count} frames, median {median:.2f} ms, {frames.dropped} frames dropped")
    for label, count in session.shown.most_common():
        print(f"  {count:5} frames  {label}")
    if folder and folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())
        print(f"written to {folder}: {', '.join(names)}")
