"""The one decoder: files to RGB frames by PyAV, upright, converting only the frames that are asked for."""

import collections
import contextlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import av
import numpy as np

from tsm_tf.errors import InputError


class BadVideoError(InputError):
    """A file that cannot be decoded as the list file promises; `path` says which."""

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__("video", f"must be a video that can be decoded ({reason})", str(path))
        self.path, self.reason = str(path), reason


class VideoInfo(NamedTuple):
    """Frames, frames per second (the mean, for a variable rate), seconds, and pixels as stored (not rotated)."""

    num_frames: int
    fps: float
    duration: float
    width: int
    height: int


def probe(path: str | os.PathLike) -> VideoInfo:
    """Counts a video's frames by its packets, without decoding: headers are absent in some formats and lie in others.

    Raises:
        FileNotFoundError: no such file.
        BadVideoError: no video in it, or no frame.
    """
    with _open(path) as (container, stream):
        times = [packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None]
        if not times:
            raise BadVideoError(path, "no frames")
        span = float((max(times) - min(times)) * stream.time_base)
        step = span / (len(times) - 1) if span else 1 / float(stream.average_rate or 1)
        return VideoInfo(len(times), 1 / step, span + step, stream.width, stream.height)


def read_frames(path: str | os.PathLike, indices: Sequence[int], short_side: int | None = None) -> np.ndarray:
    """Decodes up to the last frame asked for and converts the asked ones.

    Args:
        path: any video that FFmpeg decodes.
        indices: frame numbers from 0, in any order, repeated or not.
        short_side: pixels that the shorter side is scaled to (bilinear), in the same pass as the conversion.

    Returns:
        `uint8 [len(indices), H, W, 3]` RGB, rotated upright as the file's metadata says.

    Raises:
        FileNotFoundError: no such file.
        BadVideoError: not a video, broken, or shorter than the last index.
    """
    wanted = collections.Counter(int(i) for i in indices)
    last, found, count = max(wanted), {}, 0
    with _open(path) as (container, stream):
        stream.codec_context.thread_count = 1  # files side by side use the cores better
        for frame in _decoded(path, container, stream):
            if count in wanted:
                found[count] = _to_rgb(frame, short_side)
            count += 1
            if count > last:
                break
    if count <= last:
        raise BadVideoError(path, f"frame {last} is asked for, the last is {count - 1}" if count else "no frames")
    return np.stack([found[int(i)] for i in indices])


def iterate_frames(path: str | os.PathLike, short_side: int | None = None) -> Iterator[tuple[float, np.ndarray]]:
    """Yields every frame with its time in seconds from the first; RGB as of `read_frames`.

    Raises:
        FileNotFoundError: no such file.
        BadVideoError: not a video, no frame in it, or broken behind the frames that were yielded.
    """
    first = None
    with _open(path) as (container, stream):
        stream.thread_type = "AUTO"
        for number, frame in enumerate(_decoded(path, container, stream)):
            at = frame.time if frame.time is not None else number / float(stream.average_rate or 25)
            first = at if first is None else first
            yield at - first, _to_rgb(frame, short_side)
    if first is None:
        raise BadVideoError(path, "no frames")


@contextlib.contextmanager
def _open(path):
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"`video` must be an existing file: {path}")
    if not path.is_file():
        raise BadVideoError(path, "a folder")
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, ValueError) as error:
        raise BadVideoError(path, _reason(error)) from None
    with container:
        if not container.streams.video:
            raise BadVideoError(path, "no video stream")
        yield container, container.streams.video[0]


def _decoded(path, container, stream):
    try:
        yield from container.decode(stream)
    except (av.error.FFmpegError, ValueError) as error:
        raise BadVideoError(path, _reason(error)) from None


def _reason(error):
    return getattr(error, "strerror", None) or str(error).splitlines()[0]


def _to_rgb(frame, short_side):
    width, height = frame.width, frame.height
    if short_side:
        width, height = scaled_size(width, height, short_side)
    rgb = frame.reformat(width, height, format="rgb24", interpolation="BILINEAR").to_ndarray()
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Returns width and height scaled so that the shorter is `short_side`, as the official `GroupScale` rounds."""
    if width <= height:
        return short_side, max(short_side, int(short_side * height / width))
    return max(short_side, int(short_side * width / height)), short_side
