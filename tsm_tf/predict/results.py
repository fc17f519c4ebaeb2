"""The predictions of a command: kept as they are made, and written as CSV or JSON at the end."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tsm_tf import output_folder
from tsm_tf.errors import InputError, one_line
from tsm_tf.files import write_csv, write_text
from tsm_tf.predict.classes import RankedClass

COLUMNS = (
    "video",
    "rank",  # from 1; empty if there is no class
    "class",  # number of the class, from 0
    "name",
    "probability",
    "logit",
    "error",  # why the video could not be predicted; mostly empty
)
FORMATS = ("csv", "json")
STREAM = "stream"
"""Instead of the name of a protocol, where a model saw all frames of a video."""

MARKER = "predict.json"
"""The file that says what the predictions in a folder depend on."""

_STATE = ".predictions.jsonl"


class Results:
    """The predictions of videos by name, in a folder or in memory only.

    In a folder, each prediction is on the disk as soon as it is made. When the same command is
    called again, those of an earlier call are there. A context: at its end, also after an error, it
    writes `predictions.csv` or `predictions.json`.

    Args:
        folder: the folder, or None.
        subject: what the predictions depend on, as JSON values.
        file_format: one of `FORMATS`.

    Raises:
        InputError: the folder holds something else.
    """

    def __init__(
        self, folder: pathlib.Path | None, subject: Mapping[str, object], file_format: str
    ):
        self.folder = folder
        self._subject, self._format = subject, file_format
        self._found: dict[str, list[RankedClass]] = {}
        self._errors: dict[str, str] = {}
        if folder is not None and output_folder.claim(folder, MARKER, subject):
            self._found = _read_state(folder / _STATE)

    @property
    def path(self) -> pathlib.Path:
        """The file of predictions."""
        assert self.folder is not None
        return self.folder / f"predictions.{self._format}"

    @property
    def errors(self) -> Mapping[str, str]:
        """Why videos could not be predicted, by name."""
        return self._errors

    def get(self, name: str) -> list[RankedClass] | None:
        """Returns the classes of a video, or None if it was not predicted."""
        return self._found.get(name)

    def add(self, name: str, classes: Sequence[RankedClass]) -> None:
        """Adds the classes of a video."""
        self._found[name] = list(classes)
        self._errors.pop(name, None)
        if self.folder is not None:
            with (self.folder / _STATE).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"video": name, "classes": classes}) + "\n")

    def fail(self, name: str, error: str) -> None:
        """Adds the reason why a video could not be predicted."""
        self._errors[name] = error

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.folder is None or not (self._found or self._errors):
            return
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            print("\ninterrupted; run the same command again to resume", flush=True)
        with contextlib.suppress(OSError) if kind else contextlib.nullcontext():
            if self._format == "csv":
                write_csv(self.path, self._rows(), COLUMNS)
            else:
                content = {**self._subject, "videos": list(self._objects())}
                write_text(self.path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def _rows(self) -> Iterator[dict[str, object]]:
        """Yields the rows of the CSV: one per class, and one for a video without classes."""
        for name, classes in self._found.items():
            for number, row in enumerate(classes, 1):
                yield {"video": name, "rank": number, **_values(row)}
            if not classes:
                yield {"video": name}
        for name, error in self._errors.items():
            yield {"video": name, "error": error}

    def _objects(self) -> Iterator[dict[str, Any]]:
        for name, classes in self._found.items():
            yield {"video": name, "classes": list(map(_values, classes))}
        for name, error in self._errors.items():
            yield {"video": name, "error": error}


def check_output(folder: pathlib.Path | None, subject: Mapping[str, object]) -> None:
    """Raises as `Results` does, without writing anything."""
    if folder is not None:
        output_folder.check_subject(folder, MARKER, subject)


def _values(row: RankedClass) -> dict[str, object]:
    return {
        "class": row.number,
        "name": row.name,
        "probability": round(row.probability, 6),
        "logit": round(row.logit, 5),
    }


def _read_state(path: pathlib.Path) -> dict[str, list[RankedClass]]:
    """Returns the predictions of an earlier call; drops a line that was cut off.

    Raises:
        InputError: another line is damaged.
    """
    if not path.is_file():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))

    found = {}
    try:
        for line in whole.decode().splitlines():
            values = json.loads(line)
            found[values["video"]] = [RankedClass(*row) for row in values["classes"]]
    except (ValueError, KeyError, TypeError) as error:
        rule = f"must have an intact {path.name} ({one_line(error)}), or be a new folder"
        raise InputError("output", rule, str(path.parent)) from None
    return found
