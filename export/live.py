"""Recognises gestures in a video or a camera, one frame at a time, as a phone does.

python -m export.live --model=FILE --video=FILE --output=DIR
python -m export.live --model=FILE --camera=0 --show
"""

import collections
import contextlib
import itertools
import os
import pathlib
import signal
import sys
import threading
import time

import numpy as np
from absl import flags

from export.interpreter import DELEGATES
from tsm_tf import cli
from tsm_tf.errors import InputError

COLUMNS = ("frame", "seconds", "predicted", "shown", "probability", "milliseconds")
_DEFAULT_STRIDE = 2  # the original demo takes every second camera frame
_CAMERA_FPS = 30.0  # of a camera that doesn't say its rate
_WINDOW = "TSM"


class AtRate:
    """Thins `(seconds, frame)` pairs to a rate, whatever theirs is; yields (number of the frame, seconds, frame).

    Frames that a source does not have are not made up; `dropped` counts the moments at which one was due and none
    came (a slow video, or a camera while the model was busy). Without a rate, every second frame is taken, as the
    original demo does.
    """

    def __init__(self, frames, fps: float | None):
        self.frames = frames
        self.fps = fps
        self.dropped = 0

    def __iter__(self):
        due = 0
        for number, (seconds, frame) in enumerate(self.frames):
            if self.fps is None:
                if number % _DEFAULT_STRIDE == 0:
                    yield number, seconds, frame
                continue
            moment = int(seconds * self.fps + 1e-3)
            if moment >= due:
                self.dropped += moment - due
                due = moment + 1
                yield number, seconds, frame


class Session:
    """One stream through a model: the runner, the smoothing, the row and the picture of each frame."""

    def __init__(self, runner, averaged_steps: int):
        from export.smoothing import Smoother

        self.runner = runner
        self.smoother = Smoother(runner.labels, averaged_steps)
        self.milliseconds = []
        self.shown = collections.Counter()

    def step(self, number: int, seconds: float, frame: np.ndarray) -> tuple[dict, np.ndarray]:
        """Takes one RGB frame of any size; returns the CSV's row and the annotated picture."""
        from export.overlay import annotate
        from tsm_tf.data.transforms import eval_frame

        started = time.perf_counter()
        logits = self.runner.step(eval_frame(frame, self.runner.spec))
        shown = self.smoother.step(logits)
        took = 1000 * (time.perf_counter() - started)
        self.milliseconds.append(took)
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
        status = f"{seconds:.2f} s    {took:.1f} ms a frame ({1000 / took:.0f} frames/s)    {self.runner.runtime}"
        return row, annotate(frame, labels[shown], labels, probabilities, status)


def open_camera(number: int):
    """Returns an OpenCV camera.

    Raises:
        InputError: it cannot be opened.
    """
    import cv2

    set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # OpenCV 4; 5
    set_log_level(0)  # else each backend that fails adds lines of its own to ours
    camera = cv2.VideoCapture(number)
    if not camera.isOpened():
        raise InputError("camera", "must be the number of a camera that can be opened", number)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a slow model shall see the present, not a queue of the past
    return camera


def camera_frames(camera):
    """Yields (seconds, RGB frame) of an OpenCV camera until it ends."""
    started = time.monotonic()
    while (read := camera.read())[0]:
        yield time.monotonic() - started, np.ascontiguousarray(read[1][..., ::-1])


def at_natural_speed(frames):
    """Yields a file's (seconds, frame) when their time has come, for somebody who watches."""
    started = time.monotonic()
    for seconds, frame in frames:
        time.sleep(max(0, seconds - (time.monotonic() - started)))
        yield seconds, frame


def open_window() -> None:
    """Opens the window that `run` draws into.

    Raises:
        InputError: no display, or an OpenCV without windows.
    """
    import cv2

    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError("show", "needs a display (DISPLAY is not set); --output records without one", True)
    try:
        cv2.namedWindow(_WINDOW, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    except cv2.error:
        rule = "needs an OpenCV with windows: pip install opencv-python in place of opencv-python-headless"
        raise InputError("show", rule, True) from None


@contextlib.contextmanager
def stop_on_signals():
    """Yields an event that Ctrl-C and SIGTERM set, so that the frame at hand and the files are finished first."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
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
    return pressed not in (ord("q"), 27) and cv2.getWindowProperty(_WINDOW, cv2.WND_PROP_VISIBLE) > 0


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("model", None, "A file of `python -m export.tflite --online`.", required=True)
    flags.DEFINE_string("video", None, "Video file to stream.")
    flags.DEFINE_integer("camera", None, "Number of the camera to stream.")
    flags.DEFINE_string("output", None, "Folder for stream.mp4, stream.gif, frames.csv; needed for --video.")
    flags.DEFINE_bool("show", False, "Show a window; q ends.")
    flags.DEFINE_integer(
        "averaged_steps", 12, "Logits are averaged over so many steps; 12 is the demo's.", lower_bound=1
    )
    flags.DEFINE_integer("threads", 1, "Of the interpreter.", lower_bound=1)
    flags.DEFINE_string("delegate", "none", f"none, {', '.join(DELEGATES)}, or the path of a delegate's library.")


def main():
    """Streams."""
    values = flags.FLAGS
    if (values.video is None) == (values.camera is None):
        raise InputError("video", "must be given, or --camera, and not both", values.video)
    if not values.output and not values.show:
        raise InputError("output", "must be given unless --show is", values.output)
    folder = pathlib.Path(values.output) if values.output else None
    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("output", "must be a new or an empty folder", str(folder))
    from export.runtime import StreamRunner

    runner = StreamRunner(values.model, values.threads, delegate=values.delegate)
    if runner.spec.modality != "rgb":
        raise InputError("model", "must take RGB frames", runner.spec.modality)
    source, native = open_source(values.video, values.camera, values.show)
    if values.show:
        open_window()
    fps = runner.spec.fps
    rate = min(native, fps) if fps else native / _DEFAULT_STRIDE
    said = f"the model's {fps:g} frames/s" if fps else "every second frame: the model does not say its rate"
    print(f"{values.model} on {runner.runtime}, {said}; Ctrl-C ends")
    with stop_on_signals() as stop:
        frames = AtRate(itertools.takewhile(lambda _: not stop.is_set(), source), fps)
        stream(Session(runner, values.averaged_steps), frames, folder, rate, values.show)
    if stop.is_set():
        raise KeyboardInterrupt


def open_source(video: str | None, camera: int | None, show: bool):
    """Returns an iterator of (seconds, RGB frame) of a file or a camera, and its frames per second."""
    if video is None:
        import cv2

        opened = open_camera(camera)
        return camera_frames(opened), opened.get(cv2.CAP_PROP_FPS) or _CAMERA_FPS
    from tsm_tf.data.decode import iterate_frames, probe

    fps = probe(video).fps
    frames = iterate_frames(video)
    return at_natural_speed(frames) if show else frames, fps


def stream(session: Session, frames: AtRate, folder: pathlib.Path | None, rate: float, show: bool) -> None:
    """Runs a session, records it, and says at the end what was seen and how fast.

    Raises:
        BadVideoError: the file breaks off; what came before it is recorded.
    """
    from export.recording import Recording

    try:
        with Recording(folder, rate, COLUMNS) if folder else contextlib.nullcontext() as recording:
            run(session, frames, recording, show)
    finally:
        if session.milliseconds:
            middle = float(np.median(session.milliseconds))
            print(f"{len(session.milliseconds)} frames, median {middle:.2f} ms, {frames.dropped} frames dropped")
            for label, count in session.shown.most_common():
                print(f"  {count:5} frames  {label}")
            if folder:
                print(f"written to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")


if __name__ == "__main__":
    cli.run(main, define_flags)
