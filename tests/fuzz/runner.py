"""Runs seeded mutations in child processes, and says what became of each."""

import os
import pathlib
import selectors
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

TESTS = pathlib.Path(__file__).parent.parent
_WALL_SECONDS = 120  # for a process that waits for ever; processor time is limited in the process


class Result(NamedTuple):
    """What became of a mutation.

    Attributes:
        index: its number, which with the seed and the kind makes it again.
        outcome: one or two words.
        output: what the process printed, if the outcome is a failure.
    """

    index: int
    outcome: str
    output: str

    @property
    def is_good(self) -> bool:
        """Whether the file was read or refused."""
        return self.outcome.startswith(("read", "refused"))


def run_mutations(
    kind: str,
    originals: pathlib.Path,
    seed: int,
    first: int,
    count: int,
) -> Iterator[Result]:
    """Yields the results of mutations `first` to `first + count - 1` of a kind."""
    end = first + count
    while first < end:
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            printed = 0
            for outcome in _child(kind, originals, seed, first, end, log):
                result = Result(first, outcome, "")
                if not result.is_good:
                    log.seek(printed)
                    result = result._replace(output=log.read()[-5000:])
                    printed = log.tell()
                yield result
                first += 1


def _child(kind, originals, seed, first, end, log) -> Iterator[str]:
    """Yields the outcomes of a process; the last one says how the process died, if it did."""
    command = [sys.executable, "-m", "fuzz.child", kind, originals, seed, first, end]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    process = subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        bufsize=1,
    )
    missing = end - first
    with process, selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while missing:
            if not selector.select(_WALL_SECONDS):
                process.kill()
                yield "hang"
                return
            line = process.stdout.readline()
            if not line:
                break
            missing -= 1
            yield line.strip()

    if missing and process.returncode == -signal.SIGPROF:
        yield "hang"
    elif missing and process.returncode:
        code = process.returncode
        yield signal.Signals(-code).name if code < 0 else f"exit {code}"
