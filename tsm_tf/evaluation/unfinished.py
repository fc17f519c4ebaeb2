"""The finished part of an evaluation, on disk, so that the same command can resume it."""

import io
import json
import pathlib
import time
import zipfile
from collections.abc import Mapping

import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.files import replacing

_SECONDS = 10.0
_SHARE_OF_TIME = 0.05  # that saving may take
_DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile)

Settings = Mapping[str, object]


class Unfinished:
    """The logits of the videos that are finished, in a hidden file of the output folder.

    Args:
        folder: the output folder; created when there is something to save.
        settings: what decides the scores, as JSON values: checkpoint, data, protocol, ... A file
            with other settings belongs to another evaluation and is an error.
        worker: number of the process, from 0; each has its own file.
    """

    def __init__(self, folder: pathlib.Path, settings: Settings, worker: int = 0):
        self.folder = folder
        self.path = folder / f".unfinished.{worker}.npz"
        self.settings = json.loads(json.dumps(settings))
        self.digests: dict[str, str] = {}
        self._saved = time.monotonic()
        self._wait = _SECONDS  # until the next file

    def check(self) -> None:
        """Raises if the folder has a finished part of another evaluation.

        Raises:
            InputError: names the first difference.
        """
        found = self._read()
        theirs = found["settings"] if found else self.settings
        for name in sorted({*theirs, *self.settings}):
            ours, other = self.settings.get(name), theirs.get(name)
            if ours != other:
                rule = (
                    f"must be a new folder for another {name}; {self.folder} has an unfinished "
                    f"evaluation with {other!r}: finish it with its own flags, or remove "
                    f"{self.path.name}"
                )
                raise InputError("output", rule, ours)

    def load(
        self,
        shape: tuple[int, int],
        digests: Mapping[str, str],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns what is finished; prints why a file is not used.

        Args:
            shape: number of videos and of classes.
            digests: digests of what may have changed under the same settings, by name.

        Returns:
            The logits, `float32 [N, C]`, 0 for other videos; and which videos are finished,
            `bool [N]`.
        """
        self.digests = dict(digests)
        logits, finished = np.zeros(shape, np.float32), np.zeros(shape[0], bool)
        if not self.path.is_file():
            return logits, finished
        found = self._read()
        if found is None:
            print(f"starting over: {self.path} is damaged")
            return logits, finished

        changed = [name for name in digests if found["digests"].get(name) != digests[name]]
        if changed:
            print(f"starting over: {', '.join(changed)} changed since the unfinished evaluation")
            return logits, finished
        rows, done = found["logits"], found["finished"]
        is_ours = done.dtype == bool and done.shape == finished.shape
        if not is_ours or rows.dtype != np.float32 or rows.shape != (done.sum(), shape[1]):
            print(f"starting over: {self.path} is damaged")
            return logits, finished

        logits[done] = rows
        return logits, done

    def _read(self):
        """Returns the content of the file; None if there is none, or it is damaged."""
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return {
                    "settings": dict(json.loads(str(arrays["settings"]))),
                    "digests": dict(json.loads(str(arrays["digests"]))),
                    "finished": arrays["finished"],
                    "logits": arrays["logits"],
                }
        except _DAMAGED:
            return None

    def save(self, logits: np.ndarray, finished: np.ndarray, force: bool = False) -> None:
        """Writes what is finished, atomically, unless the file is recent.

        Args:
            logits: `float32 [N, C]`.
            finished: which rows are finished, `bool [N]`.
            force: writes in any case.
        """
        started = time.monotonic()
        if not finished.any() or (started - self._saved < self._wait and not force):
            return

        buffer = io.BytesIO()  # numpy cannot close its archive on a full disk
        np.savez(
            buffer,
            settings=np.array(json.dumps(self.settings)),
            digests=np.array(json.dumps(self.digests)),
            finished=finished,
            logits=logits[finished],
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as temporary:
            temporary.write_bytes(buffer.getbuffer())

        self._saved = time.monotonic()
        self._wait = max(_SECONDS, (self._saved - started) / _SHARE_OF_TIME)

    def remove(self) -> None:
        """Removes the files of all processes, after the results are written."""
        for path in self.folder.glob(".unfinished.*.npz"):
            path.unlink(missing_ok=True)
