"""Reads small text files that people write or download, whatever they turn out to be."""

import os
import posixpath
import stat

from tsm_tf.errors import InputError, MissingFile

MAX_BYTES = 256 << 20
"""The list files of the largest public data sets have about 50 MB."""


def read_bytes(path: str | os.PathLike, argument: str, rule: str) -> bytes:
    """Returns the bytes of a regular file of at most `MAX_BYTES`. Never waits for a FIFO.

    Args:
        path: the file.
        argument: what errors are about.
        rule: what errors say about a path where no file is.

    Raises:
        MissingFile: there is no such file.
        InputError: it is a folder, a FIFO, a device or too large, or cannot be read.
    """
    path = os.fspath(path)
    too_large = f"{rule}, of at most {MAX_BYTES >> 20} MiB"
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # before it is opened: devices may act on it
            raise InputError(argument, f"{rule}, not a folder, FIFO or device", path)
        if status.st_size > MAX_BYTES:
            raise InputError(argument, too_large, path)
        if not status.st_size:
            return b""  # files in /proc also have no size, and some never end

        with open(path, "rb", opener=_open_without_waiting) as file:
            content = file.read(MAX_BYTES + 1)
    except InputError:
        raise
    except (FileNotFoundError, NotADirectoryError, ValueError):  # also a name with a zero byte
        raise MissingFile(argument, rule, path) from None
    except OSError as error:
        raise InputError(argument, f"{rule} ({error.strerror})", path) from None

    if len(content) > MAX_BYTES:
        raise InputError(argument, too_large, path)
    return content


def read_text(path: str | os.PathLike, argument: str, rule: str) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark; see `read_bytes`.

    Raises:
        InputError: also if it is not UTF-8.
    """
    try:
        return read_bytes(path, argument, rule).decode("utf-8-sig")  # the mark is from Windows
    except UnicodeDecodeError as error:
        where = f"must be text in UTF-8; see {os.fspath(path)}"
        raise InputError(argument, where, f"byte {error.start}") from None


def read_lines(path: str) -> list[str]:
    """Returns the lines of a file of a data folder, without line ends; see `read_text`.

    Lines end at LF or CR LF only. Names may contain all other characters, some of which
    `str.splitlines` takes for line ends.
    """
    text = read_text(path, "data", f"must be a folder with {posixpath.basename(path)}")
    return [line.removesuffix("\r") for line in text.split("\n")]


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
