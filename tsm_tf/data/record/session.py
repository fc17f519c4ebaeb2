"""A recording session: waits for the performer, counts down, records, and takes clips again."""

import collections
import contextlib
import math
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tsm_tf.camera.mp4 import Mp4File
from tsm_tf.camera.window import QUIT
from tsm_tf.data.record.clips import Clip
from tsm_tf.data.video import MIN_TRAINING_FRAMES
from tsm_tf.errors import InputError

START_KEYS, RETAKE_KEY = (" ", "\r", "\n"), "r"
_EPSILON = 1e-3  # seconds; times are rounded
_SLOWEST, _FASTEST = 1.0, 240.0  # frames per second that a camera may announce


class Status(NamedTuple):
    """What the performer sees.

    Attributes:
        title: the class to perform, and which clip of it.
        line: what to do, or what happens.
        share: how much of the countdown or of the clip has passed, 0 to 1.
        is_recording: whether this moment is being recorded.
    """

    title: str
    line: str
    share: float
    is_recording: bool


class RecordingSession:
    """Records clips from the frames of a camera, one after the other.

    The first clip of each class waits for a key; the others follow by themselves, each after a
    countdown. After the last one, a key ends the session, so that this clip can also be taken
    again. Time is that of the frames. A clip gets its name when it is complete.

    Args:
        clips: what to record, in order.
        seconds: length of a clip.
        countdown: seconds before each clip.
        fps: expected frames per second of the camera.
        waits: whether to wait for keys; without them, each clip follows after its countdown.
        last: the clip that can be taken again at the start.
        report: called with a line about each clip that was saved.

    Attributes:
        recorded: number of clips that were saved, without retakes.
        has_quit: whether the performer has quit.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        seconds: float,
        countdown: float,
        fps: float,
        waits: bool = True,
        last: Clip | None = None,
        report: Callable[[str], object] = print,
    ):
        self.seconds = seconds
        self.countdown = countdown
        self.fps = min(max(fps, _SLOWEST), _FASTEST)
        self.waits = waits
        self.report = report
        self.recorded = 0
        self.has_quit = False
        self._todo = collections.deque(clips)
        self._last = last  # the clip that can be taken again
        self._is_waiting = waits
        self._began: float | None = None  # when the countdown or the recording began
        self._writer: _ClipWriter | None = None
        self._now = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the performer has quit, or all clips are recorded and a key was pressed."""
        return self.has_quit or not (self._todo or self._is_waiting)

    @property
    def left(self) -> int:
        """Number of clips that are still to be recorded."""
        return len(self._todo)

    def step(self, seconds: float, frame: np.ndarray) -> None:
        """Takes the next RGB frame `uint8 [H, W, 3]`; `seconds` is its time.

        Raises:
            InputError: the clip could not be written, or has too few frames. Nothing of it is left,
                and the clips before it are kept.
        """
        self._now = seconds
        if self.is_over or self._is_waiting:
            return
        if self._began is None:
            self._began = seconds
        if self._writer is None and seconds - self._began >= self.countdown - _EPSILON:
            self._writer = _ClipWriter(self._todo[0].path, self.fps, seconds)
            self._began = seconds
        if self._writer is None:
            return

        if seconds - self._began < self.seconds - _EPSILON:
            self._writer.write(frame, seconds)
        else:
            self._finish(self._writer)

    def press(self, key: str | None) -> None:
        """Handles a key: space or Enter starts or pauses, r takes the last clip again, q quits."""
        if key == QUIT:
            self.close()
            self.has_quit = True
        elif key in START_KEYS:
            self.close()
            self._is_waiting = not self._is_waiting
        elif key == RETAKE_KEY:
            self.close()
            if self._last is not None:
                self._todo.appendleft(self._last)
                self._last = None
                self._is_waiting = False

    def close(self) -> None:
        """Discards the clip that is being recorded, if there is one."""
        self._began = None
        writer, self._writer = self._writer, None
        if writer:
            writer.discard()

    def status(self) -> Status:
        """Returns what the performer should see at the last frame."""
        if not self._todo:
            return Status("all clips are recorded", "press space to finish", 1.0, False)
        title = self._todo[0].title
        if self._is_waiting or self._began is None:
            return Status(title, "press space to start", 0.0, False)

        passed = self._now - self._began
        if self._writer:
            return Status(title, "recording", min(1.0, passed / self.seconds), True)
        number = max(1, math.ceil(self.countdown - passed))
        return Status(title, f"in {number}", min(1.0, passed / (self.countdown or 1)), False)

    def _finish(self, writer):
        self._writer, self._began = None, None
        clip = self._todo[0]
        is_new = not clip.path.exists()
        frames = writer.finish()
        self._todo.popleft()
        self.recorded += is_new
        self._last = clip
        same_class_follows = bool(self._todo) and self._todo[0].label == clip.label
        self._is_waiting = self.waits and not same_class_follows
        split = clip.path.parent.parent.name
        self.report(f"{clip.title}: {frames} frames, {split}/{clip.label}/{clip.path.name}")


class _ClipWriter:
    """Writes the frames of a clip into a file that gets its name when it is complete."""

    def __init__(self, path: pathlib.Path, fps: float, start: float):
        self.path = path
        self.fps = fps
        self.start = start
        self.count = 0
        self._file: Mp4File | None = None

    def write(self, frame: np.ndarray, seconds: float) -> None:
        height, width = (length // 2 * 2 for length in frame.shape[:2])  # H.264 requires even sizes
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = Mp4File(self.path, self.fps, height, width)
            self._file.write(np.ascontiguousarray(frame[:height, :width]), seconds - self.start)
        except OSError as error:
            raise self._failed(error) from error
        self.count += 1

    def finish(self) -> int:
        """Gives the file its name; returns the number of frames."""
        if self._file is None or self.count < MIN_TRAINING_FRAMES:
            self.discard()
            rule = f"must be long enough for {MIN_TRAINING_FRAMES} frames of the camera"
            raise InputError("seconds", rule, f"{self.count} frames in a clip")
        file, self._file = self._file, None
        try:
            file.close()
            os.replace(file.temporary, self.path)
        except OSError as error:
            file.temporary.unlink(missing_ok=True)
            raise self._failed(error) from error
        return self.count

    def discard(self) -> None:
        """Removes what was written."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):  # the disk is full
            file.close()
        file.temporary.unlink(missing_ok=True)

    def _failed(self, error):
        self.discard()
        rule = (
            f"must be writable and have free space ({error}); the clips before this one are kept, "
            "and the same command continues"
        )
        return InputError("output", rule, str(self.path))
