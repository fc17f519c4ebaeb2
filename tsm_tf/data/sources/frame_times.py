"""The times of frames, made monotonic: for counts, sampling, live streams and recordings."""

import math
import sys

import av

# Seconds by which a time may differ from the one before it. Otherwise the clock was set.
_LARGEST_STEP_BACK, _LARGEST_STEP = 1.0, 24 * 3600.0


class SteadyClock:
    """Corrects the times of a stream, so that they never step back and never leap.

    Times in real files step back where recordings were joined, and those of a camera when its clock
    is set. After such a jump, time continues from the frame before it. Times that step back by less
    than a second are those of frames in the wrong order: for these, time stands still.

    Args:
        step: seconds between the last frame before a jump and the first one after it.
        warns: whether to print a warning about the first time that is corrected.
    """

    def __init__(self, step: float = 0.0, warns: bool = True):
        self._step, self._warns = step, warns
        self._last: float | None = None
        self._offset = 0.0

    def at(self, seconds: float) -> float:
        """Returns the corrected time of the next frame."""
        if self._last is None:
            self._last = seconds
            return seconds

        step = seconds + self._offset - self._last
        if not -_LARGEST_STEP_BACK <= step <= _LARGEST_STEP:
            self._offset += self._step - step
        if (step < 0 or step > _LARGEST_STEP) and self._warns:
            self._warns = False
            line = f"warning: the time of a frame jumps by {step:.3f} s; its order is kept"
            print(line, file=sys.stderr, flush=True)

        self._last = max(self._last, seconds + self._offset)
        return self._last


class FrameClock:
    """Gives each decoded frame of a stream its best-effort time, in seconds after the first frame.

    A frame has up to two times: that of its presentation, and that of the packet which completed
    it. Files may lack either, and some have presentation times in the wrong order. So the kind with
    fewer steps back is taken, as in FFmpeg. A frame without times follows the one before it by the
    nominal step. What is left of jumps is corrected by `SteadyClock`.

    Args:
        step: nominal seconds per frame.
        has_presentation_times: False for containers that store none, such as AVI.
        warns: whether to print a warning about the first time that is corrected.
    """

    def __init__(self, step: float, has_presentation_times: bool = True, warns: bool = False):
        self._step = step
        self._clock = SteadyClock(step, warns)
        self._last = {"pts": -math.inf, "dts": -math.inf}
        self._steps_back = {"pts": 0 if has_presentation_times else 1, "dts": 0}
        self._first: float | None = None
        self._now = 0.0

    def at(self, frame: av.VideoFrame) -> float:
        """Returns the time of the next frame."""
        presented, completed = self._read("pts", frame), self._read("dts", frame)
        if self._steps_back["pts"] <= self._steps_back["dts"] and presented is not None:
            seconds = presented
        else:
            seconds = completed

        if seconds is not None:
            self._now = max(self._now, self._clock.at(seconds))
        elif self._first is not None:
            self._now += self._step
        if self._first is None:
            self._first = self._now = seconds or 0.0
        return self._now - self._first

    def _read(self, kind, frame):
        ticks = getattr(frame, kind)
        if ticks is None or frame.time_base is None:
            return None
        seconds = float(ticks * frame.time_base)
        self._steps_back[kind] += seconds <= self._last[kind]
        self._last[kind] = seconds
        return seconds
