"""Object storage by TensorFlow's file systems: settings, errors, time limits and retries.

`s3://` is read and written by tensorflow-io 0.37.1, `gs://` by TensorFlow itself. Measured traps of
the former, all of which this module avoids:

- Without `S3_DISABLE_MULTI_PART_DOWNLOAD=1`, what a retry returns is appended to what a broken
  response had brought: wrong bytes of the right length.
- A read that starts at the end of an object, or of an empty one, ends the process (SIGSEGV).
- A denied `stat` looks like a missing object. Only a read names the reason.
- A process that has used `s3://` aborts at its end; see `tsm_tf.cli.end_without_finalizing`.
"""

import os
import pathlib
import threading
import time
import uuid
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.storage.s3_settings import check_settings, without_secrets
from tsm_tf.errors import InputError, one_line

SECONDS_VARIABLE = "TSM_STORAGE_SECONDS"
"""Environment variable: time limit for one operation with all its retries, in seconds."""

_DEFAULT_SECONDS = 120.0
_PAUSE = 0.5  # seconds between attempts
_SIZE_SECONDS = 60.0  # how long a size is trusted

_FINAL_ERRORS = (
    tf.errors.InvalidArgumentError,
    tf.errors.UnimplementedError,
    tf.errors.UnauthenticatedError,
    tf.errors.PermissionDeniedError,
)

Result = TypeVar("Result")


class StorageError(BadVideoError):
    """Object storage that does not answer, or denies access.

    It says nothing about the video that was to be read, so it is never skipped as a bad video.

    Args:
        path: the URI.
        reason: what is wrong.
    """

    is_skippable = False

    def __init__(self, path: str, reason: str):
        InputError.__init__(self, "data", f"must be object storage that works: {reason}", path)
        self.path, self.reason = path, reason


class _Missing(Exception):
    """There is no such object."""


def size(path: str) -> int | None:
    """Returns the bytes of an object, or None if there is none."""
    try:
        return _call(path, lambda: tf.io.gfile.stat(path).length)
    except _Missing:
        return _why_missing(path)


def read_range(path: str, offset: int, length: int) -> bytes:
    """Returns bytes of an object: fewer if it ends before, none if there is no such object."""
    known = _recent_size(path)
    length = min(length, (known or 0) - offset)
    if length <= 0:
        return b""

    def read():
        with tf.io.gfile.GFile(path, "rb") as file:
            if offset:
                file.seek(offset)
            return file.read(length)

    try:
        return _call(path, read)
    except _Missing:
        return b""


def write(path: str, content: bytes) -> None:
    """Writes an object. Readers see the old one or the complete new one."""

    def put():
        with tf.io.gfile.GFile(path, "wb") as file:
            file.write(content)

    _write(path, put)


def upload(local: pathlib.Path, path: str) -> None:
    """Copies a local file to a temporary object, checks its size, and renames it to `path`."""
    temporary = f"{path}.{uuid.uuid4().hex}.writing"
    expected = local.stat().st_size

    def put():
        tf.io.gfile.copy(str(local), temporary, overwrite=True)
        found = tf.io.gfile.stat(temporary).length
        if found != expected:
            raise tf.errors.DataLossError(None, None, f"{found} bytes arrived of {expected}")

    _write(path, put)
    _write(path, lambda: tf.io.gfile.rename(temporary, path, overwrite=True))


def names(folder: str) -> list[str]:
    """Returns the names in a folder, sorted; none if there is no such folder."""
    try:
        found = _call(folder, lambda: tf.io.gfile.listdir(f"{folder.rstrip('/')}/"))
    except _Missing:
        return []
    return sorted(name.rstrip("/") for name in found)


def remove_folder(folder: str) -> None:
    """Removes the objects in a folder, if there are any."""
    try:
        _call(folder, lambda: tf.io.gfile.rmtree(folder))
    except _Missing:
        return


def _write(path, function):
    try:
        _call(path, function)
    except _Missing:
        raise StorageError(path, "it cannot be written") from None
    _sizes.pop(path, None)


_sizes: dict[str, tuple[float, int | None]] = {}


def _recent_size(path):
    """Returns an object's size; asks again after some time, in case the object was changed."""
    at, known = _sizes.get(path, (0.0, None))
    if known is None or time.monotonic() - at > _SIZE_SECONDS:
        known = size(path)
        _sizes[path] = (time.monotonic(), known)
    return known


def _why_missing(path):
    """Raises if an object only seems to be missing, because a bucket is or access is denied."""

    def read():
        with tf.io.gfile.GFile(path, "rb") as file:
            return file.read(1)

    try:
        _call(path, read)
    except _Missing:
        return None
    raise StorageError(path, "it can be read, and its size cannot")


def _call(path: str, function: Callable[[], Result]) -> Result:
    """Calls a function of TensorFlow's file system, again after errors that may pass.

    Raises:
        _Missing: there is no such object.
        StorageError: access is denied, or the time limit is over.
    """
    check_settings(path)
    limit = time_limit()
    deadline = time.monotonic() + limit
    error = "no answer"

    while (left := deadline - time.monotonic()) > 0:
        outcome = _in_thread(function, left)
        if outcome is None:
            break
        result, failure = outcome
        if failure is None:
            return result  # type: ignore[return-value]
        _raise_if_final(path, failure)
        error = without_secrets(one_line(failure))
        time.sleep(min(_PAUSE, max(0.0, deadline - time.monotonic())))

    raise StorageError(
        path, f"no success in {limit:g} s ({error}); {SECONDS_VARIABLE} is the limit"
    )


def _in_thread(function, seconds):
    """Returns a function's result and its TensorFlow error; None if it takes too long.

    A call of TensorFlow's file system cannot be stopped. Its thread does not keep the process.
    """
    outcome = []

    def call():
        try:
            outcome.append((function(), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else None


def _raise_if_final(path, error):
    """Raises unless another attempt may succeed."""
    if not isinstance(error, tf.errors.OpError):
        raise error
    message = without_secrets(one_line(error.message))
    if isinstance(error, tf.errors.NotFoundError):
        if "NoSuchBucket" in error.message:
            raise StorageError(path, f"the bucket does not exist ({message})") from None
        if "Unable to parse ExceptionName" not in error.message:  # as for an unknown key
            raise _Missing
    if isinstance(error, (tf.errors.NotFoundError, *_FINAL_ERRORS)):
        raise StorageError(path, f"access is denied ({message})") from None


def time_limit() -> float:
    """Returns the time limit for one operation with its retries, in seconds.

    Raises:
        InputError: the environment variable is not a positive number.
    """
    text = os.environ.get(SECONDS_VARIABLE, str(_DEFAULT_SECONDS))
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < threading.TIMEOUT_MAX:
        raise InputError(SECONDS_VARIABLE, "must be a positive number of seconds", text)
    return seconds
