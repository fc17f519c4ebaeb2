"""The times of frames: a clock that never steps back, and frames at the model's rate."""

import sys
import time
from collections.abc import Generator, Iterable

import numpy as np

_DEFAULT_STRIDE = 2  # the original demo uses every second camera frame

# Seconds by which a time may differ from the one before it. Otherwise the clock was set.
_LARGEST_STEP_BACK, _LARGEST_STEP = 1.0, 24 * 3600.0


class SteadyClock:
    """Corrects the times of a stream, so that they never step back and never leap.

    Times in real files step back where recordings were joined, and those of a camera when its clock
    is set. After such a jump, time continues from the frame before it. Times that step back by less
    than a second are those of frames in the wrong order: for these, time stands still.
    """

    def __init__(self):
        self._last: float | None = None
        self._offset = 0.0
        self._has_warned = False

    def at(self, seconds: float) -> float:
        """Returns the corrected time of the next frame; warns about the first one that differs."""
        if self._last is None:
            self._last = seconds
            return seconds

        step = seconds + self._offset - self._last
        if not -_LARGEST_STEP_BACK <= step <= _LARGEST_STEP:
            self._offset -= step
        if (step < 0 or step > _LARGEST_STEP) and not self._has_warned:
            self._has_warned = True
            line = f"warning: the time of a frame jumps by {step:.3f} s; its order is kept"
            print(line, file=sys.stderr, flush=True)

        self._last = max(self._last, seconds + self._offset)
        return self._last


class AtRate:
    """Selects frames at a given rate from `(seconds, frame)` pairs of any rate.

    Iterating yields `(number of the frame, seconds, frame)`; the seconds never step back (see
    `SteadyClock`). Frames are never repeated: `dropped` counts the moments at which a frame was due
    but none arrived (from a slow video, or from a camera while the model was busy).

    Args:
        frames: pairs `(seconds, frame)`.
        fps: frames per second; None selects every second frame, as the original demo does.
    """

    def __init__(self, frames: Iterable[tuple[float, np.ndarray]], fps: float | None):
        self.frames = frames
        self.fps = fps
        self.dropped = 0

    def __iter__(self):
        due, clock = None, SteadyClock()
        for number, (time_of_frame, frame) in enumerate(self.frames):
            seconds = clock.at(time_of_frame)
            if self.fps is None:
                if number % _DEFAULT_STRIDE == 0:
                    yield number, seconds, frame
                continue

            moment = int(seconds * self.fps + 1e-3)
            if due is None or moment >= due:
                self.dropped += 0 if due is None else moment - due
                due = moment + 1
                yield number, seconds, frame


def output_fps(source_fps: float, fps: float | None) -> float:
    """Returns the rate at which `AtRate` with `fps` yields frames of a source."""
    return min(source_fps, fps) if fps else source_fps / _DEFAULT_STRIDE


def at_natural_speed(frames: Iterable) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yields a file's `(seconds, frame)` pairs at their times (see `SteadyClock`), for a viewer."""
    started, clock = time.monotonic(), SteadyClock()
    for time_of_frame, frame in frames:
        seconds = clock.at(time_of_frame)
        time.sleep(max(0, seconds - (time.monotonic() - started)))
        yield seconds, frame
