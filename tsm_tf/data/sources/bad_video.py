"""Errors for videos that cannot be decoded."""

import contextlib
import os
from collections.abc import Iterator

import av.error

from tsm_tf.errors import InputError, one_line


class BadVideoError(InputError):
    """A video that cannot be decoded, or not as its list file promises.

    Args:
        path: the video.
        reason: what is wrong with it.

    Attributes:
        is_skippable: whether leaving out the video solves the problem.
    """

    is_skippable = True

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__("video", f"must be a video that can be decoded ({reason})", str(path))
        self.path, self.reason = str(path), reason


class TooFewFramesError(BadVideoError):
    """A video that ends before a requested frame.

    Args:
        path: the video.
        requested: number of the requested frame, from 0.
        num_frames: frames that can be decoded.
    """

    def __init__(self, path: str | os.PathLike, requested: int, num_frames: int):
        last = f"the last is {num_frames - 1}" if num_frames else "it has no frames"
        super().__init__(path, f"frame {requested} is requested, {last}")
        self.requested, self.num_frames = requested, num_frames


@contextlib.contextmanager
def ffmpeg_errors(path: str | os.PathLike) -> Iterator[None]:
    """Context manager that turns everything PyAV raises into a `BadVideoError` for the video.

    FFmpeg's own errors are only a part of it: damaged headers also make PyAV raise `KeyError`,
    `OverflowError`, `UnicodeDecodeError` and others.
    """
    try:
        yield
    except InputError:
        raise
    except av.error.ExitError:
        raise BadVideoError(path, "no answer in time") from None
    except MemoryError:
        raise BadVideoError(path, "needs more memory than there is") from None
    except av.error.FFmpegError as error:
        raise BadVideoError(path, error.strerror or one_line(error)) from None
    except Exception as error:
        raise BadVideoError(path, f"{type(error).__name__}: {one_line(error)}") from error
