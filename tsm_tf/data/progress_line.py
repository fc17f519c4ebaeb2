"""A line that shows how far long work is: count, speed, and time left."""

import sys
import time

_SECONDS_BETWEEN_LINES = {True: 0.2, False: 30.0}


class ProgressLine:
    """Shows how far long work is: on one line in a terminal, else on a new line twice a minute.

    Args:
        total: number of things to do.
        unit: what they are, in the plural.
        verb: what happens to them, in the past tense.
        first: how many were done before, which do not count for the speed.

    Example:
        >>> progress = ProgressLine(240_000, "videos", "checked")
        >>> progress.show(12_000)
        12,000 of 240,000 videos checked, 350.2/s, 0:10:51 left
    """

    def __init__(self, total: int, unit: str, verb: str, first: int = 0):
        self.total, self.unit, self.verb, self.first = total, unit, verb, first
        self._started = self._shown = time.monotonic()
        self._on_terminal = sys.stdout.isatty()

    def show(self, done: int) -> None:
        """Shows that so many things are done, unless the last line is recent."""
        now, is_last = time.monotonic(), done == self.total
        if not is_last and now - self._shown < _SECONDS_BETWEEN_LINES[self._on_terminal]:
            return

        self._shown = now
        rate = (done - self.first) / max(1e-9, now - self._started)
        line = f"{done:,} of {self.total:,} {self.unit} {self.verb}, {rate:.1f}/s"
        if rate and not is_last:
            line += f", {format_seconds((self.total - done) / rate)} left"

        if self._on_terminal:
            print(f"\r\033[K{line}", end="\n" if is_last else "", flush=True)
        else:
            print(line, flush=True)


def format_seconds(seconds: float) -> str:
    """Returns hours, minutes and seconds, such as `1:02:03`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
