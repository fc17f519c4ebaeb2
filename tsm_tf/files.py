"""Files that are whole or not there."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A context that gives a path beside a file, to be written; at its end that takes the file's place at once.

    A kill or an error leaves the file as it was.
    """
    temporary = path.with_name(f".writing.{path.name}")
    yield temporary
    os.replace(temporary, path)
