"""A run's folder: one training at a time writes it, and it holds only files of its own kind."""

import contextlib
import errno
import os
import pathlib
import socket
import stat
import sys
from collections.abc import Iterator, Mapping

from tsm_tf import output_folder
from tsm_tf.errors import InputError
from tsm_tf.files import open_regular
from tsm_tf.training.run_folder.curves import CURVES_FILE, LOG_FILE
from tsm_tf.training.run_folder.run_settings import LAUNCHES_FILE, RUN_FILE, check_settings
from tsm_tf.training.run_folder.state import OLD_STATES, STATES
from tsm_tf.weights.checkpoint import BEST

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LAST = "last"
TENSORBOARD = "tensorboard"
LOCK_FILE = ".lock"
_FOLDERS = (STATES, OLD_STATES, LAST, BEST, TENSORBOARD)
_FILES = (RUN_FILE, LAUNCHES_FILE, LOG_FILE, CURVES_FILE, LOCK_FILE)
_HOLDER_BYTES = 300
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextlib.contextmanager
def open_run(output: pathlib.Path, settings: Mapping[str, object]) -> Iterator[None]:
    """Context manager in which this process alone may write a run's folder.

    Args:
        output: the folder; new, empty, or from a run with the same settings.
        settings: see `run_settings.claim`.

    Raises:
        InputError: another training uses the folder, it belongs to another run or has other
            content, or it cannot be written.
    """
    if not (output / RUN_FILE).is_file():
        output_folder.check_new(output)
    _check_kinds(output)
    with locked(output):
        check_settings(output, settings)
        yield


def _check_kinds(output):
    """Raises if a file of a run is a link, a FIFO, a device, ..., or a folder one of these."""
    kinds = [(name, "a folder", stat.S_ISDIR) for name in _FOLDERS]
    kinds += [(name, "a file", stat.S_ISREG) for name in _FILES]
    for name, kind, is_kind in kinds:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if not is_kind((output / name).lstat().st_mode):
                rule = f"must be the folder of a run, in which {name} is {kind} and no link"
                raise InputError("output", rule, str(output))


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Context manager in which no other process locks a folder; creates it if necessary.

    The lock is `flock` on the open file `.lock`: the system releases it when the process ends,
    even if it is killed. On NFS (version 4, or 3 with its lock daemon), it also holds for processes
    on other machines, but not if the folder was mounted with `nolock` or `local_lock`. File systems
    without locks are used without one, after a warning, and so is Windows.

    Raises:
        InputError: another process holds the lock (the error names it), or the folder cannot be
            written.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(folder)
    except OSError as error:
        rule = f"must be a folder that can be written ({error})"
        raise InputError("output", rule, str(folder)) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / LOCK_FILE).unlink()
            if is_new:
                folder.rmdir()  # fails unless it is empty
        os.close(descriptor)


def _acquire(folder):
    path = folder / LOCK_FILE
    while True:
        descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
        try:
            _flock(descriptor, folder)
            if _is_at(descriptor, path):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the process that held the lock has just removed the file


def _flock(descriptor, folder):
    if fcntl is None:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, _HOLDER_BYTES, 0).decode(errors="replace")
        name = "".join(c for c in holder if c.isprintable()) or "an unknown process"
        rule = f"must not be in use by another training ({name})"
        raise InputError("output", rule, str(folder)) from None
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        line = f"warning: {folder} is on a file system without locks; start only one training in it"
        print(line, file=sys.stderr, flush=True)


def _is_at(descriptor, path):
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False
