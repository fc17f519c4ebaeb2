"""The times of frames: a clock that never steps back, and frames at the model's rate."""

import time
from collections.abc import Generator, Iterable

import numpy as np

from tsm_tf.data.sources.frame_times import SteadyClock

_DEFAULT_STRIDE = 2  # the original demo uses every second camera frame


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
