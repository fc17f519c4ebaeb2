"""Frames at the model's rate, and at their own speed."""

import time
from collections.abc import Generator, Iterable

import numpy as np

_DEFAULT_STRIDE = 2  # the original demo uses every second camera frame


class AtRate:
    """Selects frames at a given rate from `(seconds, frame)` pairs of any rate.

    Iterating yields `(number of the frame, seconds, frame)`. Frames are never repeated: `dropped`
    counts the moments at which a frame was due but none arrived (from a slow video, or from a
    camera while the model was busy).

    Args:
        frames: pairs `(seconds, frame)`.
        fps: frames per second; None selects every second frame, as the original demo does.
    """

    def __init__(self, frames: Iterable[tuple[float, np.ndarray]], fps: float | None):
        self.frames = frames
        self.fps = fps
        self.dropped = 0

    def __iter__(self):
        due = None
        for number, (seconds, frame) in enumerate(self.frames):
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
    """Yields a file's `(seconds, frame)` pairs at their times, for a viewer."""
    started = time.monotonic()
    for seconds, frame in frames:
        time.sleep(max(0, seconds - (time.monotonic() - started)))
        yield seconds, frame
