"""Cameras of this machine, and a thread that reads one frame ahead."""

import collections
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import cv2
import numpy as np

from tsm_tf.errors import InputError

_CAMERA_FPS = 30.0  # for cameras that do not report their rate
_JOIN_SECONDS = 1.0  # how long to wait for a thread to end


class Frames(Protocol):
    """An iterable of pairs `(seconds, uint8 [H, W, 3] RGB)` that can be closed."""

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]: ...

    def close(self) -> None: ...


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
