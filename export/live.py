"""Recognises gestures in a video or a camera, one frame at a time, as a phone does.

python -m export.live --model=FILE --video=FILE --output=DIR
python -m export.live --model=FILE --camera=0 --show
"""

import contextlib
import pathlib
import signal
import time

import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError

COLUMNS = ("frame", "seconds", "predicted", "shown", "probability", "milliseconds")
_DEFAULT_STRIDE = 2  # the original demo takes every second camera frame


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

    def step(self, number: int, seconds: float, frame: np.ndarray) -> tuple[dict, np.ndarray]:
        """Takes one RGB frame of any size; returns the CSV's row and the annotated picture."""
        from export.recording import annotate
        from tsm_tf.data.transforms import eval_frame

        started = time.perf_counter()
        logits = self.runner.step(eval_frame(frame, self.runner.spec))
        shown = self.smoother.step(logits)
        self.milliseconds.append(1000 * (time.perf_counter() - started))
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        labels, best = self.runner.labels, int(logits.argmax())
        row = {
            "frame": number,
            "seconds": round(seconds, 3),
            "predicted": labels[best],
            "shown": labels[shown],
            "probability": round(float(probabilities[best]), 4),
            "milliseconds": round(self.milliseconds[-1], 3),
        }
        status = f"{seconds:6.2f} s   {self.milliseconds[-1]:.1f} ms a frame   {self.runner.runtime}"
        return row, annotate(frame, labels[shown], labels, probabilities, status)


def camera_frames(number: int):
    """Yields (seconds, RGB frame) of a camera until it ends or the generator is closed.

    Raises:
        InputError: it cannot be opened.
    """
    import cv2

    camera = cv2.VideoCapture(number)
    try:
        if not camera.isOpened():
            raise InputError("camera", "must be the number of a camera that can be opened", number)
        started = time.monotonic()
        while (read := camera.read())[0]:
            yield time.monotonic() - started, np.ascontiguousarray(read[1][..., ::-1])
    finally:
        camera.release()


def run(session: Session, frames, recording=None, show: bool = False) -> dict[str, int]:
    """Steps through frames until they end; returns how many were seen of each shown class."""
    counts: dict[str, int] = {}
    reported = time.monotonic()
    for number, seconds, frame in frames:
        row, picture = session.step(number, seconds, frame)
        counts[row["shown"]] = counts.get(row["shown"], 0) + 1
        if recording:
            recording.write(picture, row)
        if show and not _show(picture):
            break
        if time.monotonic() - reported > 2:
            print(f"  {seconds:7.1f} s  {row['shown']:<32} {row['milliseconds']:6.1f} ms", flush=True)
            reported = time.monotonic()
    return counts


def _show(picture):
    """Draws a window; False when q or Escape was pressed."""
    import cv2

    try:
        cv2.imshow("TSM", picture[..., ::-1])
        return cv2.waitKey(1) not in (ord("q"), 27)
    except cv2.error:
        rule = "must be off here: this OpenCV has no windows (pip install opencv-python in place of the headless one)"
        raise InputError("show", rule, True) from None


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


def main():
    """Streams."""
    values = flags.FLAGS
    if (values.video is None) == (values.camera is None):
        raise InputError("video", "must be given, or --camera, and not both", values.video)
    if not values.output and not values.show:
        raise InputError("output", "must be given unless --show is", values.output)
    folder = pathlib.Path(values.output) if values.output else None
    if folder and folder.exists() and any(folder.iterdir()):
        raise InputError("output", "must be a new or an empty folder", str(folder))
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))  # ends as Ctrl-C does
    from export.runtime import StreamRunner

    runner = StreamRunner(values.model, values.threads)
    fps = runner.spec.fps
    if values.video:
        from tsm_tf.data.decode import iterate_frames, probe

        native = probe(values.video).fps
        source = iterate_frames(values.video)
    else:
        native, source = 30.0, camera_frames(values.camera)
    rate = min(native, fps) if fps else native / _DEFAULT_STRIDE
    said = f"the model's {fps:g} frames/s" if fps else "every second frame: the model does not say its rate"
    print(f"{values.model} on {runner.runtime}, {said}; Ctrl-C ends")
    stream(Session(runner, values.averaged_steps), AtRate(source, fps), folder, rate, values.show)


def stream(session: Session, frames: AtRate, folder: pathlib.Path | None, rate: float, show: bool) -> None:
    """Runs a session, records it, and says at the end, or when stopped, what was seen and how fast."""
    with contextlib.ExitStack() as stack:
        recording = None
        if folder:
            from export.recording import Recording

            recording = stack.enter_context(Recording(folder, rate, COLUMNS))
        stack.callback(_summary, session, frames, folder)
        counts = run(session, frames, recording, show)
    for label, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"  {count:5} frames  {label}")


def _summary(session, frames, folder):
    if session.milliseconds:
        middle = float(np.median(session.milliseconds))
        print(f"{len(session.milliseconds)} frames, median {middle:.2f} ms a frame, {frames.dropped} frames dropped")
    if folder:
        print(f"written to {folder}: stream.mp4, stream.gif, frames.csv", flush=True)


if __name__ == "__main__":
    cli.run(main, define_flags)
