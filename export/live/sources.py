"""Where frames come from: a camera, a file, the network, standard input; and how they reach a model in time."""

import collections
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from tsm_tf.errors import InputError

DEFAULT_STRIDE = 2  # the original demo takes every second camera frame
_CAMERA_FPS = 30.0  # of a camera that doesn't say its rate
_FIRST_WAIT, _LONGEST_WAIT = (
    0.5,
    10.0,
)  # seconds before a source that dropped is opened again; doubled each time
_PATIENCE = 1.0  # seconds that a thread has to end
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


class Source(NamedTuple):
    """Frames `(seconds, uint8 [H, W, 3] RGB)` to iterate over and to `close()`; their rate; does it never end?"""

    frames: Iterable[tuple[float, np.ndarray]]
    fps: float
    is_live: bool


class AtRate:
    """Thins `(seconds, frame)` pairs to a rate, whatever theirs is; yields (number of the frame, seconds, frame).

    Frames that a source does not have are not made up; `dropped` counts the moments at which one was due and none
    came (a slow video, or a camera while the model was busy). Without a rate, every second frame is taken, as the
    original demo does.
    """

    def __init__(self, frames: Iterable[tuple[float, np.ndarray]], fps: float | None):
        self.frames = frames
        self.fps = fps
        self.dropped = 0

    def __iter__(self):
        due = None
        for number, (seconds, frame) in enumerate(self.frames):
            if self.fps is None:
                if number % DEFAULT_STRIDE == 0:
                    yield number, seconds, frame
                continue
            moment = int(seconds * self.fps + 1e-3)
            if due is None or moment >= due:
                self.dropped += 0 if due is None else moment - due
                due = moment + 1
                yield number, seconds, frame


class Capture:
    """Reads frames in a thread of its own, one ahead.

    Args:
        frames: what to read; closed with this.
        stop: ends the iteration when it is set, also while no frame comes.
        newest_wins: a frame that nobody has taken gives way to the next, so that a slow model sees the present.
            Otherwise reading waits, and no frame is lost.
    """

    def __init__(self, frames: Iterator, stop: threading.Event, newest_wins: bool):
        self.frames = frames
        self.stop = stop
        self.newest_wins = newest_wins
        self.queue = collections.deque(maxlen=1)
        self.changed = threading.Condition()
        self.error, self.ended, self.closed = None, False, False
        self.thread = threading.Thread(target=self._read, name="capture", daemon=True)

    def __iter__(self):
        self.thread.start()
        while True:
            with self.changed:
                while not self.queue and not self.ended and not self.stop.is_set():
                    self.changed.wait(
                        0.1
                    )  # a signal's handler sets `stop` and must not wait for this lock itself
                if self.stop.is_set():
                    return
                if not self.queue:
                    break
                item = self.queue.popleft()
                self.changed.notify_all()
            yield item
        if self.error:
            raise self.error

    def _read(self):
        try:
            for item in self.frames:
                with self.changed:
                    self.changed.wait_for(lambda: self.newest_wins or not self.queue or self.closed)
                    if self.closed:
                        break
                    self.queue.append(item)
                    self.changed.notify_all()
        except Exception as error:
            self.error = error
        finally:
            self.frames.close()
            with self.changed:
                self.ended = True
                self.changed.notify_all()

    def close(self) -> None:
        """Ends the thread; one that hangs in a device for longer than a second ends with the program."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        if self.thread.is_alive():
            self.thread.join(_PATIENCE)


class Camera:
    """A camera of this machine, by OpenCV; on Linux by V4L2.

    Args:
        camera: its number or its path, such as `0` or `/dev/video0`.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, camera: str):
        import cv2

        set_log_level = (
            getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
        )  # OpenCV 4; 5
        set_log_level(0)  # else each backend that fails adds lines of its own to ours
        backend = (
            cv2.CAP_V4L2 if camera.startswith("/dev/") else cv2.CAP_ANY
        )  # others take the device for a file
        self.name = f"camera {camera}"
        self.device = cv2.VideoCapture(int(camera) if camera.isdigit() else camera, backend)
        if not self.device.isOpened():
            raise InputError(
                "camera", "must be the number or path of a camera that can be opened", camera
            )
        self.device.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the present, not a queue of the past
        self.fps = self.device.get(cv2.CAP_PROP_FPS) or _CAMERA_FPS

    def __iter__(self):
        started = time.monotonic()
        while (read := self.device.read())[0]:
            yield time.monotonic() - started, np.ascontiguousarray(read[1][..., ::-1])

    def close(self) -> None:
        """Frees the device."""
        self.device.release()


def reconnecting(
    opened, open_again: Callable, stop: threading.Event
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields a live source's frames with the time at which each came, for ever; says when it drops and comes back.

    Args:
        opened: a `Camera` or a `NetworkStream`.
        open_again: returns another one; its errors count as not there yet.
        stop: ends the waiting.
    """
    started, wait, source = time.monotonic(), _FIRST_WAIT, opened
    while not stop.is_set():
        reason = "it ended"
        try:
            source = source or open_again()
            for _, frame in source:
                if wait > _FIRST_WAIT:
                    print(f"{opened.name} is back", flush=True)
                    wait = _FIRST_WAIT
                yield time.monotonic() - started, frame
        except InputError as error:
            reason = getattr(error, "reason", str(error))
        finally:
            if source:
                source.close()
        source = None
        if stop.is_set():
            return
        print(f"{opened.name} dropped ({reason}); trying again in {wait:g} s", flush=True)
        stop.wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def at_natural_speed(frames: Iterable) -> Iterator[tuple[float, np.ndarray]]:
    """Yields a file's (seconds, frame) when their time has come, for somebody who watches."""
    started = time.monotonic()
    for seconds, frame in frames:
        time.sleep(max(0, seconds - (time.monotonic() - started)))
        yield seconds, frame


def open_source(video: str | None, camera: str | None, show: bool, stop: threading.Event) -> Source:
    """Opens what frames shall come from.

    A camera and an endless stream are read in a thread, the newest frame wins, and they are opened again when they
    drop. A file gives each of its frames; one that somebody watches plays at its own speed, as if it was live.

    Args:
        video: a path, a URL, or `-` for standard input.
        camera: a number or a path, in place of `video`.
        show: somebody watches.
        stop: ends the frames.

    Raises:
        FileNotFoundError: no such file.
        InputError: a source that cannot be opened.
    """
    if video is None:
        return _live(Camera(camera), lambda: Camera(camera), stop)
    from export.live.network_stream import NetworkStream
    from tsm_tf.data.sources.video_file import iterate_frames, probe

    if video == "-":
        if sys.stdin.isatty():
            raise InputError("video", "must be piped in when it is standard input", video)
        source = NetworkStream(video)
        return Source(Capture(iter(source), stop, newest_wins=False), source.fps, False)
    if _URL.match(video):
        source = NetworkStream(video)
        if source.is_endless:
            return _live(source, lambda: NetworkStream(video), stop)
        frames, fps = iter(source), source.fps
    else:
        frames, fps = iterate_frames(video), probe(video).fps
    return Source(
        Capture(at_natural_speed(frames), stop, newest_wins=True) if show else frames, fps, False
    )


def _live(source, open_again, stop):
    return Source(
        Capture(reconnecting(source, open_again, stop), stop, newest_wins=True), source.fps, True
    )
