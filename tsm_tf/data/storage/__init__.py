"""Files by local path or by URI (`s3://`, `gs://`), with the same functions for both."""

import pathlib
import posixpath
import shutil
from types import ModuleType

from tsm_tf.data.text_file import MAX_BYTES, read_bytes
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.files import replacing

SCHEMES = ("s3", "gs")
"""The kinds of object storage that can be read and written."""


def join(folder: str, name: str) -> str:
    """Returns the path or URI of a name in a folder."""
    return posixpath.join(folder, name)


def check_scheme(path: str, argument: str = "data") -> None:
    """Raises for a URI of a kind that cannot be read.

    Raises:
        InputError: names the kinds that can.
    """
    if is_uri(path) and path.partition("://")[0] not in SCHEMES:
        kinds = " or ".join(f"{scheme}://" for scheme in SCHEMES)
        raise InputError(argument, f"must be a local folder, or a URI with {kinds}", path)


def size(path: str) -> int | None:
    """Returns the bytes of a file, or None if there is no such file.

    Raises:
        StorageError: the object storage does not answer.
    """
    if is_uri(path):
        return _remote().size(path)
    file = pathlib.Path(path)
    return file.stat().st_size if file.is_file() else None


def read_range(path: str, offset: int, length: int) -> bytes:
    """Returns bytes of a file: fewer than `length` if it ends before, none if it is missing.

    Raises:
        StorageError: the object storage does not answer, or denies access.
    """
    if is_uri(path):
        return _remote().read_range(path, offset, length)
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(length)
    except FileNotFoundError:
        return b""


def read_file(path: str, rule: str) -> bytes:
    """Returns the bytes of a file of at most `MAX_BYTES`.

    Args:
        path: the file.
        rule: what the error says about `data` if there is no such file.

    Raises:
        MissingFile: there is no such file.
        InputError: it is too large, or not a regular file.
        StorageError: the object storage does not answer, or denies access.
    """
    if not is_uri(path):
        return read_bytes(path, "data", rule)

    content = _remote().read_range(path, 0, MAX_BYTES + 1)
    if not content:
        raise MissingFile("data", rule, path)
    if len(content) > MAX_BYTES:
        raise InputError("data", f"{rule}, of at most {MAX_BYTES >> 20} MiB", path)
    return content


def write_file(path: str, content: bytes) -> None:
    """Writes a small file at once: readers see the old file or the complete new one.

    Raises:
        StorageError: the object storage does not answer, or denies access.
    """
    if is_uri(path):
        _remote().write(path, content)
        return
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file, durable=True) as temporary:
        temporary.write_bytes(content)


def publish_file(local: pathlib.Path, path: str) -> None:
    """Moves a local file to `path`, by a temporary name: readers never see a part of it.

    Raises:
        StorageError: the object storage does not answer, or denies access.
    """
    if is_uri(path):
        _remote().upload(local, path)
        return
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file, durable=True) as temporary:
        shutil.move(local, temporary)


def names(folder: str) -> list[str]:
    """Returns the names in a folder, sorted; none if there is no such folder.

    Raises:
        StorageError: the object storage does not answer, or denies access.
    """
    if is_uri(folder):
        return _remote().names(folder)
    path = pathlib.Path(folder)
    return sorted(child.name for child in path.iterdir()) if path.is_dir() else []


def remove_folder(folder: str) -> None:
    """Removes a folder and what is in it, if there is such a folder.

    Raises:
        StorageError: the object storage does not answer, or denies access.
    """
    if is_uri(folder):
        _remote().remove_folder(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _remote() -> ModuleType:
    from tsm_tf.data.storage import remote  # loads TensorFlow, which local files do not need

    return remote
