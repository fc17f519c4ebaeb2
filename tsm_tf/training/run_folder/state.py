"""Training states: all that a training needs to go on exactly, in files that are whole or not there."""

import dataclasses
import hashlib
import io
import json
import os
import pathlib
import sys

import numpy as np

STATES = "checkpoints"
KEPT = 3
_META = "meta"
_DIGEST_LENGTH = 16


@dataclasses.dataclass
class TrainingState:
    """Where a training is, and the values of its variables.

    Attributes:
        epoch: finished epochs.
        batch: finished steps of the epoch after them.
        seconds: that the epoch in progress has taken.
        history: a row of `log.csv` for each finished epoch.
        arrays: weights, optimizer slots and step, metrics of the epoch in progress, states of random generators.
    """

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    history: list[dict] = dataclasses.field(default_factory=list)
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def where(self) -> str:
        """The place in the training, for people."""
        return (
            f"epoch {self.epoch + 1}, step {self.batch}"
            if self.batch
            else f"the end of epoch {self.epoch}"
        )


def save_state(directory: pathlib.Path, state: TrainingState) -> pathlib.Path:
    """Writes a state beside the older ones, of which `KEPT` stay in all.

    The name holds the place in the training and a part of the file's SHA-256, by which `load_newest` knows that it is
    whole. A kill, or a disk without room, leaves the older ones as they are.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    meta = {name: value for name, value in dataclasses.asdict(state).items() if name != "arrays"}
    buffer = io.BytesIO()
    np.savez(buffer, **{_META: json.dumps(meta)}, **state.arrays)
    path = directory / f"{state.epoch:05d}-{state.batch:07d}-{_digest(buffer.getbuffer())}.npz"
    temporary = directory / f".writing.{os.getpid()}"
    try:
        with temporary.open("wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    for old in _newest_first(directory)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def load_newest(directory: pathlib.Path) -> TrainingState | None:
    """Returns the newest state that is whole, or None; warns of each damaged one on standard error."""
    for path in _newest_first(directory):
        content = path.read_bytes()
        if _digest(content) == path.stem.rpartition("-")[2]:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                meta = json.loads(str(arrays[_META]))
                return TrainingState(
                    **meta, arrays={name: arrays[name] for name in arrays.files if name != _META}
                )
        print(
            f"warning: {path} is damaged; going back to the state before it",
            file=sys.stderr,
            flush=True,
        )
    return None


def _newest_first(directory):
    return sorted(
        directory.glob("[0-9]*.npz"), key=lambda path: path.name.split("-")[:2], reverse=True
    )


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
