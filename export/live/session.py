"""One stream through a model: its events, and a row for the CSV and a picture per frame."""

import collections
import contextlib
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from export.live.events import Event
from export.live.frame_clock import AtRate
from export.live.overlay import annotate
from export.live.recording import Recording
from export.live.stream_clock import StreamClock
from export.runtime import StreamRunner
from tsm_tf.camera import window
from tsm_tf.cli import Terminated
from tsm_tf.data.crops import eval_frame
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.multi_label.sigmoid import sigmoid

COLUMNS = (
    "frame",
    "seconds",
    "predicted",  # the most probable class of this frame alone
    "probability",
    "smoothed",  # the most probable class of the smoothed probabilities
    "smoothed_probability",
    "shown",  # the label on the picture; empty if nothing happens
    "event",  # the label of the event that was recognised at this frame; mostly empty. A model for
    # several classes per video may have several labels, with commas, here and in "shown".
    "milliseconds",
)
_NUM_EVENTS = 8  # on the screen


class Decoder(Protocol):
    """Turns logits into events.

    `EventDecoder`, `PresenceDecoder` for models with several classes per video, or `SmoothedEvents`
    for the original's rules.
    """

    @property
    def probabilities(self) -> np.ndarray: ...

    @property
    def shown(self) -> str: ...

    def step(self, logits: np.ndarray, seconds: float) -> list[Event]: ...

    def reset(self) -> None: ...


class LiveSession(Protocol):
    """A stream that runs through a model: `Session`, or `DetectionSession` for detectors.

    Attributes:
        columns: columns of the CSV with a row per frame.
        box_columns: columns of the CSV with a row per box; empty without boxes.
        box_rows: the rows of the last frame's boxes.
        milliseconds: time that each frame took.
        shown: what the last frame shows, in words.
        event: the label of the event that was recognised at the last frame, or empty.
    """

    columns: tuple[str, ...]
    box_columns: tuple[str, ...]
    milliseconds: list[float]

    @property
    def box_rows(self) -> Sequence[dict]: ...

    @property
    def shown(self) -> str: ...

    @property
    def event(self) -> str: ...

    def step(self, number: int, seconds: float, frame: np.ndarray) -> dict: ...

    def picture(self, frame: np.ndarray) -> np.ndarray: ...

    def summary(self) -> list[str]: ...


class Session:
    """A stream that runs through a classifier.

    Args:
        runner: the model.
        decoder: turns logits into events.
        max_gap: seconds without a frame after which the state is reset; None for no limit.
        listeners: are called with each event.

    Attributes:
        columns, box_columns, box_rows, shown, event: see `LiveSession`.
        milliseconds: time that the model and the decoder took, for each frame.
        events: how often each class was recognised.
    """

    columns: tuple[str, ...] = COLUMNS
    box_columns: tuple[str, ...] = ()
    box_rows: Sequence[dict] = ()

    def __init__(
        self,
        runner: StreamRunner,
        decoder: Decoder,
        max_gap: float | None = None,
        listeners: Sequence[Callable[[Event], None]] = (),
    ):
        self.runner = runner
        self.decoder = decoder
        self.listeners = listeners
        self.milliseconds: list[float] = []
        self.events: collections.Counter[str] = collections.Counter()
        self._recent: collections.deque[Event] = collections.deque(maxlen=_NUM_EVENTS)
        self._clock = StreamClock(max_gap)
        self.event = ""

    @property
    def shown(self) -> str:
        """The label to show; empty if nothing happens."""
        return self.decoder.shown

    def step(self, number: int, seconds: float, frame: np.ndarray) -> dict:
        """Runs the model on the next RGB frame, of any size, and passes on the events.

        Args:
            number: number of the frame in its source.
            seconds: time of the frame.
            frame: `uint8 [H, W, 3]`.

        Returns:
            The row of the CSV (see `COLUMNS`).
        """
        if self._clock.has_gap(seconds):
            self.runner.reset()
            self.decoder.reset()

        started = time.perf_counter()
        logits = self.runner.step(eval_frame(frame, self.runner.spec))
        events = self.decoder.step(logits, seconds)
        milliseconds = 1000 * (time.perf_counter() - started)

        self.milliseconds.append(milliseconds)
        self._clock.note(started)
        self._recent.extend(events)
        for event in events:
            self.events[event.label] += 1
            for listener in self.listeners:
                listener(event)

        self.event = ", ".join(event.label for event in events)
        to_probabilities = sigmoid if self.runner.spec.multi_label else softmax
        probabilities, smoothed = to_probabilities(logits), self.decoder.probabilities
        predicted, best = int(logits.argmax()), int(smoothed.argmax())
        return {
            "frame": number,
            "seconds": round(seconds, 3),
            "predicted": self.runner.labels[predicted],
            "probability": round(float(probabilities[predicted]), 4),
            "smoothed": self.runner.labels[best],
            "smoothed_probability": round(float(smoothed[best]), 4),
            "shown": self.decoder.shown,
            "event": self.event,
            "milliseconds": round(milliseconds, 3),
        }

    def picture(self, frame: np.ndarray) -> np.ndarray:
        """Returns the frame of the last step with the model's output; see `annotate`."""
        status = self._clock.status(self.milliseconds[-1], self.runner.runtime)
        return annotate(
            frame,
            self.decoder.shown,
            self.runner.labels,
            self.decoder.probabilities,
            self._recent,
            status,
        )

    def summary(self) -> list[str]:
        """Returns lines about the whole stream."""
        lines = [f"{self.events.total()} events"]
        return lines + [f"  {count:5}  {label}" for label, count in self.events.most_common()]


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


def run(session: LiveSession, frames: AtRate, recording: Recording | None, show: bool) -> None:
    """Steps through frames until they end or the window is closed; prints the events."""
    is_terminal = sys.stdout.isatty()
    start, clear, interval = ("\r", "\033[K", 0.2) if is_terminal else ("", "", 2)
    end = clear if is_terminal else "\n"
    reported = time.monotonic()

    for number, seconds, frame in frames:
        row = session.step(number, seconds, frame)
        if session.event:
            line = f"  {seconds:7.1f} s  event: {session.event}"
            print(start, line, sep="", end=f"{clear}\n", flush=True)

        if recording or show:
            picture = session.picture(frame)
            if recording:
                recording.write(picture, seconds, row, session.box_rows)
            if show and not window.show(picture):
                break
        if time.monotonic() - reported > interval:
            reported = time.monotonic()
            took = f"{row['milliseconds']:6.1f} ms"
            line = f"  {seconds:7.1f} s  {took}  {frames.dropped} dropped  {session.shown}"
            print(start, line, sep="", end=end, flush=True)

    print(start, end=end if is_terminal else "")


def run_and_record(
    session: LiveSession,
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
            with Recording(folder, fps, session.columns, session.box_columns) as recording:
                run(session, frames, recording, show)
    finally:
        _print_summary(session, frames, folder)


def _print_summary(session, frames, folder):
    if not session.milliseconds:
        return
    count, median = len(session.milliseconds), float(np.median(session.milliseconds))
    print(f"{count} frames, median {median:.2f} ms, {frames.dropped} frames dropped")
    for line in session.summary():
        print(line)
    if folder and folder.is_dir():
        names = sorted(path.name for path in folder.iterdir())
        print(f"written to {folder}: {', '.join(names)}")
