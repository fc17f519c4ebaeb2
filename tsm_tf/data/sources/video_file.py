"""The one decoder: files to RGB frames by PyAV, upright, converting only the frames that are asked for.

Colours follow the file's matrix and range; pixels are taken as square, as the official frame extraction takes them.
"""

import contextlib
import os
import pathlib
import re
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from tsm_tf.errors import InputError

# Without the last two swscale's RGB is up to 2 levels too dark; they cost no time that could be measured.
_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


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
        shown = [
            packet
            for packet in _packets(path, container, stream)
            if packet.size and not packet.is_discard
        ]
        if not shown:
            raise BadVideoError(path, "no frames")
        times = [packet.dts if packet.pts is None else packet.pts for packet in shown]
        step = 1 / float(stream.average_rate or 25)
        if len(times) > 1 and None not in times:
            step = float((max(times) - min(times)) * stream.time_base) / (len(times) - 1) or step
        return VideoInfo(len(times), 1 / step, len(times) * step, stream.width, stream.height)


def read_frames(
    path: str | os.PathLike, indices: Sequence[int], short_side: int | None = None
) -> np.ndarray:
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
        InputError: no index, or a negative one.
    """
    indices = [int(i) for i in indices]
    if not indices or min(indices) < 0:
        raise InputError("indices", "must be frame numbers from 0, at least one", indices)
    wanted, last, found, count = set(indices), max(indices), {}, 0
    with _open(path) as (container, stream):
        # Clips side by side fill the cores; threads inside one cost more than they gain (measured, 112x84 to 720p).
        stream.codec_context.thread_count = 1
        reformatter = VideoReformatter()
        for frame in _decoded(path, container, stream):
            if count in wanted:
                found[count] = _to_rgb(reformatter, frame, short_side)
            count += 1
            if count > last:
                break
    if count <= last:
        raise BadVideoError(
            path, f"frame {last} is asked for, the last is {count - 1}" if count else "no frames"
        )
    if len({rgb.shape for rgb in found.values()}) > 1:
        raise BadVideoError(path, "frames of several sizes")
    return np.stack([found[i] for i in indices])


def iterate_frames(
    path: str | os.PathLike, short_side: int | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields every frame with its time in seconds from the first; RGB as of `read_frames`.

    The file is closed with the generator.

    Raises:
        FileNotFoundError: no such file.
        BadVideoError: not a video, no frame in it, or broken behind the frames that were yielded.
    """
    first = None
    with _open(path) as (container, stream):
        stream.thread_type = "AUTO"
        reformatter = VideoReformatter()
        for number, frame in enumerate(_decoded(path, container, stream)):
            at = number / float(stream.average_rate or 25) if frame.time is None else frame.time
            first = at if first is None else first
            yield at - first, _to_rgb(reformatter, frame, short_side)
    if first is None:
        raise BadVideoError(path, "no frames")


class Stream:
    """A video that comes over the network or through a pipe; its frames can be read once.

    Args:
        address: a URL that FFmpeg reads (`rtsp://`, `http://`, ...), or `-` for standard input.
        timeout: after so many seconds without a frame, a stream from the network counts as broken.

    Attributes:
        name: the address without a password.
        fps: frames per second as announced, or FFmpeg's guess.
        is_endless: it comes from the network and does not say how long it is; its broken frames are left out.

    Raises:
        BadVideoError: it cannot be opened, or has no video.

    Example:
        >>> for seconds, frame in Stream("rtsp://192.168.0.2/stream"):  # uint8 [H, W, 3] RGB, and its own time
    """

    def __init__(self, address: str, timeout: float = 10.0):
        self.name = "standard input" if address == "-" else re.sub(r"(?<=://)[^/@]*@", "", address)
        self.timeout = timeout
        options = (
            {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
        )  # by UDP, pictures break when packets are lost
        with _naming(self.name):
            source = "pipe:0" if address == "-" else address
            self.container = av.open(
                source, timeout=None if address == "-" else timeout, container_options=options
            )
        self.stream = self.container.streams.best("video")
        if self.stream is None:
            self.close()
            raise BadVideoError(self.name, "no video stream")
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        self.is_endless = (
            address != "-" and self.container.duration is None and self.container.size <= 0
        )
        self.stream.thread_type = (
            "SLICE" if self.is_endless else "AUTO"
        )  # threads of frames hold frames back

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        reformatter, number, first, seen = VideoReformatter(), 0, None, time.monotonic()
        for packet in _packets(self.name, self.container, self.stream):
            if self.is_endless and time.monotonic() - seen > self.timeout:
                raise BadVideoError(self.name, f"no frame for {self.timeout:g} s")
            for frame in self._decoded(packet):
                at = number / self.fps if frame.time is None else frame.time
                first = at if first is None else first
                yield at - first, _to_rgb(reformatter, frame, None)
                number, seen = number + 1, time.monotonic()
        if first is None:
            raise BadVideoError(self.name, "no frames")

    def _decoded(self, packet):
        with _naming(self.name):
            try:
                return packet.decode()
            except av.error.InvalidDataError:
                if not self.is_endless:
                    raise
        return []  # such as what comes before the first key frame of a stream that one joins

    def close(self) -> None:
        """Closes the connection."""
        self.container.close()


@contextlib.contextmanager
def _open(path):
    path = pathlib.Path(path)
    if not path.exists():
        raise FileNotFoundError(f"`video` must be an existing file: {path}")
    if not path.is_file():
        raise BadVideoError(path, "a folder")
    with _naming(path):
        container = av.open(f"file:{path}")  # without it, a colon in the name makes a protocol
    with container:
        stream = container.streams.best("video")  # a film, rather than the picture of its cover
        if stream is None:
            raise BadVideoError(path, "no video stream")
        yield container, stream


@contextlib.contextmanager
def _naming(path):
    """Turns FFmpeg's errors into one that names the file."""
    try:
        yield
    except av.error.ExitError:
        raise BadVideoError(path, "no answer in time") from None
    except (av.error.FFmpegError, ValueError) as error:
        raise BadVideoError(path, getattr(error, "strerror", None) or str(error)) from None


def _packets(path, container, stream):
    with _naming(path):
        yield from container.demux(stream)


def _decoded(path, container, stream):
    with _naming(path):
        yield from container.decode(stream)


def _to_rgb(reformatter, frame, short_side):
    width, height = frame.width, frame.height
    if short_side:
        width, height = scaled_size(width, height, short_side)
    # PyAV starts a thread a core for each conversion unless told otherwise.
    rgb = reformatter.reformat(
        frame, width, height, "rgb24", interpolation=_SCALING, threads=1
    ).to_ndarray()
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Returns width and height scaled so that the shorter is `short_side`, as the official `GroupScale` rounds."""
    if width <= height:
        return short_side, max(short_side, int(short_side * height / width))
    return max(short_side, int(short_side * width / height)), short_side
