"""Training states: files from which a training resumes exactly. Each is complete or not there."""

import dataclasses
import hashlib
import io
import json
import math
import pathlib
import stat
import sys
import zipfile

import numpy as np

from tsm_tf.files import replacing

STATES = "states"
OLD_STATES = "checkpoints"  # the folder's name in runs that older versions have started
KEPT = 3
_META = "meta"
_DIGEST_LENGTH = 16
_LONGEST_REASON = 100
_MAX_COUNT = 2**40  # of epochs or steps
_DAMAGES = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    MemoryError,
    RecursionError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
)


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
    which `load_newest` sees whether it is complete. If the process is killed, the disk is full or
    the power fails, the older states are left untouched.

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
    with replacing(path, durable=True) as temporary:
        temporary.write_bytes(buffer.getbuffer())

    for old in _newest_first(run)[KEPT:]:
        old.unlink(missing_ok=True)
    return path


def has_states(run: pathlib.Path) -> bool:
    """Returns whether a run has a saved state, readable or not."""
    return bool(_newest_first(run))


def load_newest(run: pathlib.Path, max_bytes: int | None = None) -> TrainingState | None:
    """Returns the newest undamaged state of a run, or None; warns about each damaged one.

    Args:
        run: the run's folder.
        max_bytes: files that are larger count as damaged, without being read.
    """
    for path in _newest_first(run):
        try:
            if max_bytes is not None and path.stat().st_size > max_bytes:
                raise ValueError("too large")
            content = path.read_bytes()
            if _digest(content) != path.stem.rpartition("-")[2]:
                raise ValueError("wrong checksum")
            return _parse(content)
        except _DAMAGES as error:
            print(
                f"warning: {path} is damaged ({_first_line(error)}); using the state before it",
                file=sys.stderr,
                flush=True,
            )
    return None


def _parse(content):
    """Reads a state; accepts only what `save_state` writes: a plain archive of plain arrays."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("compressed arrays")  # they may need far more memory than the file

    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        meta = json.loads(str(file[_META]))
        arrays = {name: file[name] for name in file.files if name != _META}
    state = TrainingState(**meta, arrays=arrays)

    counts = (state.epoch, state.batch)
    if not all(type(count) is int and 0 <= count < _MAX_COUNT for count in counts):
        raise ValueError(f"epoch and batch {counts}")
    if not _is_history(state.history) or (state.epoch and not state.history):
        raise ValueError("its history is not one row of numbers per epoch")
    if not (_is_number(state.seconds) and math.isfinite(state.seconds)):
        raise ValueError(f"seconds {state.seconds!r}")
    return state


def _is_history(rows):
    return isinstance(rows, list) and all(
        isinstance(row, dict)
        and "epoch" in row
        and row.keys() == rows[0].keys()
        and all(map(_is_number, row.values()))
        for row in rows
    )


def _is_number(value):
    return type(value) in (int, float)


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]


def _newest_first(run):
    paths = [path for name in (STATES, OLD_STATES) for path in (run / name).glob("[0-9]*.npz")]
    files = [path for path in paths if stat.S_ISREG(path.lstat().st_mode)]
    return sorted(files, key=lambda path: path.name.split("-")[:2], reverse=True)


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
