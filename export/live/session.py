"""Recognises gestures in a video or a camera, one frame at a time, as a phone does.

python -m export.live --model=FILE --video=FILE --output=DIR
python -m export.live --model=FILE --camera=0 --show
python -m export.live --model=FILE --video=rtsp://192.168.0.2/stream --show
rpicam-vid -t 0 --codec libav --libav-format mpegts -o - | python -m export.live --model=FILE --video=- --output=DIR
"""

import collections
import contextlib
import os
import pathlib
import signal
import sys
import threading
import time

import numpy as np

from export.live.sources import AtRate
from tsm_tf.errors import InputError

COLUMNS = ("frame", "seconds", "predicted", "shown", "probability", "milliseconds")
_RATE_STEPS = 20  # the rate on the screen is that of so many steps
_GAP = 2.0  # seconds without a frame after which a live stream starts anew
_WINDOW = "TSM"


class Session:
    """One stream through a model: the runner, the smoothing, the row and the picture of each frame.

    Args:
        runner: a `StreamRunner`.
        smoother: a `Smoother`.
        max_gap: seconds without a frame after which the stream starts anew; None for never.
    """

    def __init__(self, runner, smoother, max_gap: float | None = None):
        self.runner = runner
        self.smoother = smoother
        self.max_gap = max_gap
        self.last = None
        self.moments = collections.deque(maxlen=_RATE_STEPS)
        self.milliseconds = []
        self.shown = collections.Counter()

    def step(self, number: int, seconds: float, frame: np.ndarray) -> tuple[dict, np.ndarray]:
        """Takes one RGB frame of any size; returns the CSV's row and the annotated picture."""
        from export.live.overlay import annotate
        from tsm_tf.data.crops import eval_frame

        if self.max_gap and self.last is not None and seconds - self.last > self.max_gap:
            self.runner.reset()
            self.smoother.reset()
        self.last = seconds
        started = time.perf_counter()
        logits = self.runner.step(eval_frame(frame, self.runner.spec))
        shown = self.smoother.step(logits)
        took = 1000 * (time.perf_counter() - started)
        self.milliseconds.append(took)
        self.moments.append(started)
        self.shown[self.runner.labels[shown]] += 1
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        labels, best = self.runner.labels, int(logits.argmax())
        row = {
            "frame": number,
            "seconds": round(seconds, 3),
            "predicted": labels[best],
            "shown": labels[shown],
            "probability": round(float(probabilities[best]), 4),
            "milliseconds": round(took, 3),
        }
        status = f"{seconds:.2f} s    {took:.1f} ms a frame    {self.rate():.1f} frames/s    {self.runner.runtime}"
        return row, annotate(frame, labels[shown], labels, probabilities, status)

    def rate(self) -> float:
        """Returns how many frames a second came through lately."""
        took = self.moments[-1] - self.moments[0]
        return (len(self.moments) - 1) / took if took else 0.0


def open_window() -> None:
    """Opens the window that `run` draws into.

    Raises:
        InputError: no display, or an OpenCV without windows.
    """
    import cv2

    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise InputError(
            "show", "needs a display (DISPLAY is not set); --output records without one", True
        )
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        rule = "needs an OpenCV with windows: pip install opencv-python in place of opencv-python-headless"
        raise InputError("show", rule, True) from None


@contextlib.contextmanager
def stop_on_signals():
    """Yields an event that Ctrl-C and SIGTERM set, so that the frame at hand and the files are finished first."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(session: Session, frames: AtRate, recording, show: bool) -> None:
    """Steps through frames until they end or the window is closed."""
    start, every, end = ("\r", 0.2, "\033[K") if sys.stdout.isatty() else ("", 2, "\n")
    reported = time.monotonic()
    for number, seconds, frame in frames:
        row, picture = session.step(number, seconds, frame)
        if recording:
            recording.write(picture, seconds, row)
        if show and not _draw(picture):
            break
        if time.monotonic() - reported > every:
            line = f"  {seconds:7.1f} s  {row['milliseconds']:6.1f} ms  {frames.dropped} dropped  {row['shown']}"
            print(start, line, sep="", end=end, flush=True)
            reported = time.monotonic()
    print(start, end=end if start else "")


def _draw(picture):
    """Draws into the window; False when q or Escape was pressed, or the window closed."""
    import cv2

    cv2.imshow(_WINDOW, picture[..., ::-1])
    pressed = cv2.waitKey(1)
    return (
        pressed not in (ord("q"), 27) and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0
    )


def stream(
    session: Session, frames: AtRate, folder: pathlib.Path | None, rate: float, show: bool
) -> None:
    """Runs a session, records it, and says at the end what was seen and how fast.

    Raises:
        BadVideoError: the file breaks off; what came before it is recorded.
    """
    from export.live.recording import Recording

    try:
        with Recording(folder, rate, COLUMNS) if folder else contextlib.nullcontext() as recording:
            run(session, frames, recording, show)
    finally:
        if session.milliseconds:
            middle = float(np.median(session.milliseconds))
            print(
                f"{len(session.milliseconds)} frames, median {middle:.2f} ms, {frames.dropped} frames dropped"
            )
            for label, count in session.shown.most_common():
                print(f"  {count:5} frames  {label}")
            if folder:
                print(
                    f"written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}"
                )
