"""What happens when an event is recognised: a line in a file, a command."""

import contextlib
import dataclasses
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time

from export.live.events import Event
from tsm_tf.errors import InputError

PLACEHOLDERS = ("label", "seconds", "probability")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MAX_RUNNING = 8  # commands at the same time
_SECONDS_AT_END = 1.0  # that commands get to report a failure after the stream


def event_values(event: Event) -> dict:
    """Returns an event as values for JSON, with sensible precision."""
    rounded = {"seconds": round(event.seconds, 3), "probability": round(event.probability, 4)}
    return {**dataclasses.asdict(event), **rounded}


class EventFile:
    """A context that writes each event as a line of JSON, as soon as it happens.

    Args:
        path: a new or empty file, a FIFO or a device. Its folder is created if necessary.

    Raises:
        InputError: the file has content or cannot be written, or the disk is full.
    """

    def __init__(self, path: str):
        self.path = pathlib.Path(path)
        if self.path.is_dir() or (self.path.is_file() and self.path.stat().st_size):
            raise InputError("events", "must be a new or empty file", path)

    def __enter__(self):
        with self._reported():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8", buffering=1)
        return self

    def __call__(self, event: Event) -> None:
        """Writes an event."""
        with self._reported():
            self._file.write(json.dumps(event_values(event), ensure_ascii=False) + "\n")

    def __exit__(self, *_):
        with contextlib.suppress(OSError):  # of a line whose failure was reported
            self._file.close()

    @contextlib.contextmanager
    def _reported(self):
        try:
            yield
        except OSError as error:
            rule = f"must be writable and have free space ({error})"
            raise InputError("events", rule, str(self.path)) from error


class EventCommand:
    """A context that runs a command for each event, without a shell and without waiting for it.

    The command is split into words first. Then `{label}`, `{seconds}` and `{probability}` are
    replaced, so that a label is always part of one word, whatever characters it has. The first
    failure is printed as a warning, later ones are silent. The command gets no input, and Ctrl-C
    does not reach it.

    Args:
        command: the command, with quotes as in a shell.

    Raises:
        InputError: the command cannot be split, its program does not exist, or it has an unknown
            placeholder.
    """

    def __init__(self, command: str):
        try:
            self.words = shlex.split(command)
        except ValueError as error:
            raise InputError("command", f"must have matching quotes ({error})", command) from None

        unknown = set(_PLACEHOLDER.findall(command)) - set(PLACEHOLDERS)
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise InputError("command", f"must have no placeholders but {names}", command)
        if not self.words or shutil.which(self.words[0]) is None:
            raise InputError("command", "must start with a program that exists", command)

        self._running: set[threading.Thread] = set()
        self._has_warned = threading.Event()

    def __enter__(self):
        return self

    def __call__(self, event: Event) -> None:
        """Starts the command."""
        self._running = {thread for thread in self._running if thread.is_alive()}
        if len(self._running) >= _MAX_RUNNING:
            self._warn(f"was skipped, because {_MAX_RUNNING} are still running")
            return

        values = {name: str(value) for name, value in event_values(event).items()}
        words = [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in self.words]
        thread = threading.Thread(target=self._run, args=(words,), daemon=True)
        thread.start()
        self._running.add(thread)

    def __exit__(self, *_):
        end = time.monotonic() + _SECONDS_AT_END
        for thread in self._running:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, words):
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, start_new_session=True)
        except (OSError, ValueError) as error:
            self._warn(f"could not be started ({error})")
        else:
            if done.returncode:
                self._warn(f"failed (exit status {done.returncode})")

    def _warn(self, what):
        if not self._has_warned.is_set():
            self._has_warned.set()
            line = f"warning: the command {self.words[0]} {what}; further failures are not reported"
            print(line, file=sys.stderr, flush=True)
