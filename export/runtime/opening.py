"""Opens an exported file of either kind."""

import os
import pathlib

from export.format.metadata import read_contents
from export.runtime.runners import ClipRunner, StreamRunner


def open_runner(path: str | os.PathLike, num_threads: int = 1) -> StreamRunner | ClipRunner:
    """Returns the runner for a file: a `StreamRunner` if it is online, else a `ClipRunner`.

    Args:
        path: a file of `python -m export.tflite`.
        num_threads: number of interpreter threads.

    Raises:
        FileNotFoundError: no such file.
        InputError: a file that is not from this project, not safe to run, or that the interpreter
            refuses.
        ModuleNotFoundError: no interpreter is installed.

    Example:
        >>> runner = open_runner("model.tflite")
        >>> isinstance(runner, StreamRunner)
        True
    """
    is_online = read_contents(pathlib.Path(path)).is_online
    return StreamRunner(path, num_threads) if is_online else ClipRunner(path, num_threads)
