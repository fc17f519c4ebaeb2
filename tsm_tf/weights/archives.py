"""Opens ZIP files of strangers (`.keras`, `.npz`, `.pth`): sizes are checked before reading."""

import contextlib
import pathlib
import zipfile
from collections.abc import Iterator

from tsm_tf.errors import InputError, one_line

MAX_RATIO = 16  # of the bytes in memory to those in the file; weights hardly shrink
ALWAYS_ALLOWED = 16 << 20  # bytes, whatever the ratio
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_MEMBERS = 100_000


@contextlib.contextmanager
def open_zip(path: pathlib.Path, argument: str) -> Iterator[zipfile.ZipFile]:
    """Context manager that yields a ZIP file which cannot expand without bounds.

    Raises:
        InputError: a damaged file, too many members, more bytes than the file can hold, or another
            compression.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises many kinds for damaged files
        rule = f"must be an undamaged ZIP file: download or copy it again ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error
    with archive:
        members = archive.infolist()
        if len(members) > _MAX_MEMBERS or any(m.compress_type not in _METHODS for m in members):
            rule = f"must be a ZIP file with at most {_MAX_MEMBERS:,} members, deflated or stored"
            raise InputError(argument, rule, str(path))
        check_size(sum(member.file_size for member in members), path, argument)
        yield archive


def check_size(size: int, path: pathlib.Path, argument: str) -> None:
    """Raises if a file claims to hold many more bytes than it has."""
    limit = max(MAX_RATIO * path.stat().st_size, ALWAYS_ALLOWED)
    if size > limit:
        rule = f"must be a file that holds at most {MAX_RATIO} times its own size"
        raise InputError(argument, rule, f"{size:,} bytes in {path}")
