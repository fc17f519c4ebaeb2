"""Writes files atomically: readers see either the old file or the complete new one."""

import contextlib
import csv
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

_PREFIX = ".writing."


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Context manager that yields a temporary path and, on success, moves it onto `path`.

    The temporary file is in the same folder, so the move is atomic. After an error it is removed,
    and `path` is unchanged.
    """
    temporary = path.with_name(f"{_PREFIX}{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file in UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(
    path: pathlib.Path,
    rows: Iterable[Mapping[str, object]],
    columns: Sequence[str] | None = None,
) -> None:
    """Writes rows under a header, atomically; creates the folder if necessary.

    Args:
        path: the file.
        rows: at least one, unless `columns` are given.
        columns: names in order; None takes those of the first row.
    """
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def remove_temporary_files(directory: pathlib.Path) -> None:
    """Removes what a killed process left unfinished in a folder and the folders inside it."""
    for path in directory.rglob(f"{_PREFIX}*"):
        path.unlink(missing_ok=True)
