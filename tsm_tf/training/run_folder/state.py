"""Training states: files from which a training resumes exactly. Each is complete or not there."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import sys
from typing import Any

import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.files import replacing
from tsm_tf.weights.npz import read_npz

STATES = "states"
OLD_STATES = "checkpoints"  # the folder's name in runs that older versions have started
KEPT = 3
_META = "meta"
_DIGEST_LENGTH = 16
_MAX_NUMBER = 2**40


@dataclasses.dataclass
class TrainingState:
    """How far a training is, and the values of its variables.

    Attributes:
        epoch: finished epochs.
        batch: finished steps of the epoch after them.
        seconds: time that the unfinished epoch has taken.
        history: one row per finished epoch, see `log.csv`.
        arrays: weights, optimizer slots and step, metrics of the unfinished epoch, states of random
            generators.
    """

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    history: list[dict] = dataclasses.field(default_factory=list)
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def place(self) -> str:
        """The place in the training, for messages."""
        if self.batch:
            return f"epoch {self.epoch + 1}, step {self.batch}"
        return f"the end of epoch {self.epoch}"


def save_state(run: pathlib.Path, state: TrainingState) -> pathlib.Path:
    """Writes a state into a run's folder and removes the oldest ones, so that `KEPT` remain.

    The file's name holds the place in the training and the beginning of the file's SHA-256, from
    which `load_newest` sees whether it is complete. If the process is killed or the disk is full,
    the older states are left untouched.

    Raises:
        OSError: it could not be written; no part of it is left.
    """
    directory = run / STATES
    directory.mkdir(parents=True, exist_ok=True)
    meta = {name: value for name, value in dataclasses.asdict(state).items() if name != "arrays"}
    buffer = io.BytesIO()
    np.savez(buffer, **{_META: json.dumps(meta)}, **state.arrays)

    digest = _digest(buffer.getbuffer())
    path = directory / f"{state.epoch:05d}-{state.batch:07d}-{digest}.npz"
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())

    for old in _newest_first(run)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def load_newest(run: pathlib.Path) -> TrainingState | None:
    """Returns the newest undamaged state of a run, or None; warns about each damaged one."""
    for path in _newest_first(run):
        try:
            return _read(path)
        except (InputError, OSError):
            print(
                f"warning: {path} is damaged; using the state before it",
                file=sys.stderr,
                flush=True,
            )
    return None


def _read(path: pathlib.Path) -> TrainingState:
    """Reads a state.

    Raises:
        InputError: not complete, or not what `save_state` writes.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_LENGTH]
    if digest != path.stem.rpartition("-")[2]:
        raise InputError("state", "must have the SHA-256 that its name says", str(path))

    arrays = read_npz(path, "state")
    try:
        state = TrainingState(**json.loads(str(arrays.pop(_META))), arrays=arrays)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError("state", f"must have its place in {_META!r}", str(path)) from error

    numbers = (state.epoch, state.batch, state.seconds)
    is_place = all(type(n) in (int, float) and 0 <= n < _MAX_NUMBER for n in numbers)
    if not is_place or not _is_table(state.history):
        raise InputError("state", f"must have its place in {_META!r}", str(path))
    return state


def _is_table(history: Any) -> bool:
    """Returns whether a history is a list of rows with numbers under the same names."""
    return isinstance(history, list) and all(
        isinstance(row, dict)
        and row.keys() == history[0].keys()
        and all(isinstance(value, (int, float)) for value in row.values())
        for row in history
    )


def _newest_first(run):
    paths = [path for name in (STATES, OLD_STATES) for path in (run / name).glob("[0-9]*.npz")]
    paths = [path for path in paths if path.is_file()]
    return sorted(paths, key=lambda path: path.name.split("-")[:2], reverse=True)


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
