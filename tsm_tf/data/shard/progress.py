"""The progress line of a sharding: what is done, how fast, and the time left."""

import sys
import threading
import time

from tsm_tf.data import storage
from tsm_tf.data.progress_line import format_seconds
from tsm_tf.data.shard.plan import UNFINISHED, Plan
from tsm_tf.data.shard.write import report_name

_SECONDS_BETWEEN_LINES = 10.0
_TERMINAL_SECONDS_BETWEEN_LINES = 1.0


class Progress:
    """Context manager that prints the progress of a sharding from a thread of its own.

    Finished shards are counted by their reports, so this works with every runner. Videos of shards
    in the making are counted too if the runner works in this process.

    Args:
        plan: the plan.
        output: folder or URI of the shards.
    """

    def __init__(self, plan: Plan, output: str):
        self.plan, self.output = plan, output
        self.num_videos = sum(map(len, plan.shards.values()))
        self.started = time.monotonic()
        self.encoded = 0  # videos, in this process
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.done_before = self._finished()[1]

    def video_encoded(self) -> None:
        """Called after each video, from any thread of this process."""
        with self._lock:
            self.encoded += 1

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stopped.set()
        self._thread.join()

    def line(self) -> str:
        """Returns the progress line."""
        shards, videos = self._finished()
        new = max(videos - self.done_before, self.encoded)
        done = min(self.done_before + new, self.num_videos)
        seconds = time.monotonic() - self.started
        line = f"{shards}/{len(self.plan.shards)} shards, {done:,}/{self.num_videos:,} videos"
        if not new:
            return line

        left = seconds / new * (self.num_videos - done)
        return f"{line}, {new / seconds:.1f} videos/s, {format_seconds(left)} left"

    def _finished(self):
        """Returns the finished shards and their videos."""
        reports = set(storage.names(storage.join(self.output, UNFINISHED)))
        finished = [v for name, v in self.plan.shards.items() if report_name(name) in reports]
        return len(finished), sum(map(len, finished))

    def _run(self):
        is_terminal = sys.stdout.isatty()
        pause = _TERMINAL_SECONDS_BETWEEN_LINES if is_terminal else _SECONDS_BETWEEN_LINES
        while not self._stopped.wait(pause):
            try:
                line = self.line()
            except (OSError, ValueError):  # the pipeline will meet the same error, and raise it
                continue
            print(f"\r\033[K{line}" if is_terminal else line, end="" if is_terminal else "\n")
            sys.stdout.flush()
        if is_terminal:
            print("\r\033[K", end="", flush=True)
