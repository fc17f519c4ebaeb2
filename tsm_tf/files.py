"""Files that are whole or not there."""

import contextlib
import csv
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A context that gives a path beside a file, to be written; at its end that takes the file's place at once.

    A kill or an error leaves the file as it was.
    """
    temporary = path.with_name(f".writing.{path.name}")
    yield temporary
    os.replace(temporary, path)


def write_csv(
    path: pathlib.Path, rows: Iterable[dict], columns: Sequence[str] | None = None
) -> None:
    """Writes rows under a line of their names, in a folder that is made if need be; columns: the first row's."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns or rows[0])
        writer.writeheader()
        writer.writerows(rows)
