"""Writes files atomically: readers see either the old file or the complete new one.

Reads only regular files, so that a FIFO or a device never makes a program wait.
"""

import contextlib
import csv
import errno
import os
import pathlib
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

_PREFIX = ".writing."


@contextlib.contextmanager
def replacing(path: pathlib.Path, durable: bool = False) -> Iterator[pathlib.Path]:
    """Context manager that yields a temporary path and, on success, moves it onto `path`.

    The temporary file is in the same folder, so the move is atomic. After an error it is removed,
    and `path` is unchanged.

    Args:
        path: the file.
        durable: waits until the file and its name are on the disk, so that they survive a power
            failure.
    """
    temporary = unfinished_path(path)
    try:
        yield temporary
        if durable:
            _sync(temporary, os.O_RDWR)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # as after a failed write
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def unfinished_path(path: pathlib.Path) -> pathlib.Path:
    """Returns the temporary path for a file; `remove_temporary_files` removes what is left there.

    What a killed process left there is removed. It may be a link to another file, or a FIFO.
    """
    temporary = path.with_name(f"{_PREFIX}{path.name}")
    temporary.unlink(missing_ok=True)
    return temporary


def _sync(path, flags):
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder):
    if os.name == "nt":  # Windows cannot open folders
        return
    try:
        _sync(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise


def open_regular(path: pathlib.Path, flags: int) -> int:
    """Opens a file that is not a link, a folder, a FIFO, a socket or a device; never waits.

    Args:
        path: the file.
        flags: as in `os.open`. A file that it creates can be read by everyone.

    Returns:
        A file descriptor.

    Raises:
        OSError: it is not a regular file, or cannot be opened.
    """
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "Not a regular file", str(path))


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
    """Removes unfinished files of killed processes from a folder and the folders inside it."""
    for path in directory.rglob(f"{_PREFIX}*"):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)


def download_folder(name: str) -> pathlib.Path:
    """Returns the folder for downloads of a kind, in `KERAS_HOME` or in `~/.keras`."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home).expanduser() / name
