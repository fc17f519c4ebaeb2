"""Sources of frames: cameras, files, the network, standard input."""

import collections
import re
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np

from export.live.frame_clock import at_natural_speed
from export.live.network_stream import STANDARD_INPUT, NetworkStream
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.errors import InputError

_CAMERA_FPS = 30.0  # for cameras that do not report their rate

# Seconds until a dropped source is opened again; doubled after each failure.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
_JOIN_SECONDS = 1.0  # how long to wait for a thread to end
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


class Frames(Protocol):
    """An iterable of pairs `(seconds, uint8 [H, W, 3] RGB)` that can be closed."""

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]: ...

    def close(self) -> None: ...


class FrameSource(NamedTuple):
    """Frames from a camera or a video.

    Attributes:
        frames: the frames.
        fps: frames per second.
        is_live: whether it has no end.
    """

    frames: Frames
    fps: float
    is_live: bool


class Capture:
    """Reads frames in a thread, one frame ahead.

    Args:
        frames: the frames to read; closed together with this object.
        stop: ends the iteration when it is set, even while no frame arrives.
        newest_wins: True replaces a frame that has not been taken by the next one, so that a slow
            model always sees the latest. False makes the reader wait, so that no frame is lost.
    """

    def __init__(self, frames: Frames, stop: threading.Event, newest_wins: bool):
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
                    # Poll `stop`: a signal handler sets it, and must not take this lock.
                    self.changed.wait(0.1)
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
        """Ends the thread. If it hangs in a device, it ends with the program."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        if self.thread.is_alive():
            self.thread.join(_JOIN_SECONDS)


class Camera:
    """A camera of this machine, read by OpenCV; on Linux through V4L2.

    Args:
        camera: its number or path, such as `0` or `/dev/video0`.

    Raises:
        InputError: it cannot be opened.
    """

    def __init__(self, camera: str):
        # Silence the backends, each of which would print its own errors. OpenCV 4 and 5 differ.
        set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel  # pyright: ignore
        set_log_level(0)

        # Other backends would treat a device as a file.
        backend = cv2.CAP_V4L2 if camera.startswith("/dev/") else cv2.CAP_ANY
        self.name = f"camera {camera}"
        self.device = cv2.VideoCapture(int(camera) if camera.isdigit() else camera, backend)
        if not self.device.isOpened():
            rule = "must be the number or path of a camera that can be opened"
            raise InputError("camera", rule, camera)

        self.device.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the latest frame, not a queue of older ones
        self.fps = self.device.get(cv2.CAP_PROP_FPS) or _CAMERA_FPS

    def __iter__(self):
        started = time.monotonic()
        while (read := self.device.read())[0]:
            yield time.monotonic() - started, np.ascontiguousarray(read[1][..., ::-1])

    def close(self) -> None:
        """Releases the device."""
        self.device.release()


def reconnecting(
    opened: Any,
    open_again: Callable[[], Any],
    stop: threading.Event,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yields the frames of a live source with their times of arrival, and reopens it if it drops.

    It prints a line when the source drops and when it is back.

    Args:
        opened: a `Camera` or a `NetworkStream`.
        open_again: opens another one; an `InputError` means that the source is not back yet.
        stop: ends the iteration when it is set.
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


def open_source(
    video: str | None,
    camera: str | None,
    show: bool,
    stop: threading.Event,
) -> FrameSource:
    """Opens the source of the frames.

    Cameras and endless network streams are read in a thread that keeps the newest frame, and are
    reopened if they drop. A file yields every frame, unless it is shown: then it plays at its own
    speed, like a live source.

    Args:
        video: a path, a URL, or `-` for standard input.
        camera: a number or a path, instead of `video`.
        show: whether the frames are shown to a viewer.
        stop: ends the frames when it is set.

    Raises:
        FileNotFoundError: no such file.
        InputError: a source that cannot be opened.
    """
    if camera is not None:
        return _live(Camera(camera), lambda: Camera(camera), stop)
    if video is None:
        raise InputError("video", "must be given, or a camera", video)

    if video == STANDARD_INPUT:
        if sys.stdin.isatty():
            raise InputError("video", "must be piped in when it is standard input", video)
        source = NetworkStream(video)
        return FrameSource(Capture(iter(source), stop, newest_wins=False), source.fps, False)

    if _URL.match(video):
        source = NetworkStream(video)
        if source.is_endless:
            return _live(source, lambda: NetworkStream(video), stop)
        frames, fps = iter(source), source.fps
    else:
        frames, fps = iterate_frames(video), probe(video).fps

    if show:
        frames = Capture(at_natural_speed(frames), stop, newest_wins=True)
    return FrameSource(frames, fps, False)


def _live(source, open_again, stop):
    frames = Capture(reconnecting(source, open_again, stop), stop, newest_wins=True)
    return FrameSource(frames, source.fps, True)
