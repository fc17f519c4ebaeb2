"""The times of a session: gaps in its stream, its frame rate, and its status line."""

import collections

_RATE_STEPS = 20  # the frame rate on the screen is that of the last 20 steps


class StreamClock:
    """Follows the times of the frames of a stream, and those of the steps.

    Args:
        max_gap: seconds without a frame that count as a gap; None for no limit.
    """

    def __init__(self, max_gap: float | None):
        self.max_gap = max_gap
        self._last_seconds: float | None = None
        self._moments: collections.deque[float] = collections.deque(maxlen=_RATE_STEPS)

    def has_gap(self, seconds: float) -> bool:
        """Returns whether there is a gap before the next frame, whose time is noted."""
        last, self._last_seconds = self._last_seconds, seconds
        return bool(self.max_gap) and last is not None and seconds - last > self.max_gap

    def note(self, moment: float) -> None:
        """Notes when a step has started, by a clock for durations."""
        self._moments.append(moment)

    def rate(self) -> float:
        """Returns the recent frame rate in frames per second."""
        took = self._moments[-1] - self._moments[0] if self._moments else 0
        return (len(self._moments) - 1) / took if took else 0.0

    def status(self, milliseconds: float, runtime: str) -> str:
        """Returns the line below a picture.

        Args:
            milliseconds: time of the last step.
            runtime: name of what runs the model.
        """
        parts = (
            f"{self._last_seconds or 0:.2f} s",
            f"{milliseconds:.1f} ms per frame",
            f"{self.rate():.1f} frames/s",
            runtime,
        )
        return "    ".join(parts)
