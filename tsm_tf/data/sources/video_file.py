"""Video files: decodes them with PyAV and converts only the requested frames to upright RGB.

Colours follow the file's matrix and range. Pixels count as square, as in the official frame
extraction.
"""

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from typing import NamedTuple

import av
import av.container
import av.error
import numpy as np

from tsm_tf.data.resize import BILINEAR, Resizer
from tsm_tf.data.sources.kinds import CODECS, CONTAINERS
from tsm_tf.errors import InputError, MissingFile

_DEFAULT_FPS = 25  # for files that do not give a rate
_OPTIONS = {
    "protocol_whitelist": "file",  # no file makes FFmpeg open an address
    "format_whitelist": ",".join(sorted(CONTAINERS)),
}


class BadVideoError(InputError):
    """A video that cannot be decoded, or not as its list file promises.

    Args:
        path: the video.
        reason: what is wrong with it.
    """

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__("video", f"must be a video that can be decoded ({reason})", str(path))
        self.path, self.reason = str(path), reason


class VideoInfo(NamedTuple):
    """What `probe` finds out.

    Attributes:
        num_frames: number of frames that a player shows.
        fps: frames per second; the mean if the rate varies.
        duration: seconds.
        width: pixels as stored, before rotation.
        height: pixels as stored, before rotation.
    """

    num_frames: int
    fps: float
    duration: float
    width: int
    height: int


class VideoFiles:
    """Source that decodes video files on every request."""

    def num_frames(self, path: str) -> int:
        """Counts the frames of a video; see `probe`."""
        return probe(path).num_frames

    def fps(self, path: str) -> float:
        """Returns the frames per second of a video; see `probe`."""
        return probe(path).fps

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Decodes frames of a video; see `read_frames`."""
        return read_frames(path, indices, short_side, interpolation)


VIDEO_FILES = VideoFiles()


def probe(path: str | os.PathLike) -> VideoInfo:
    """Counts the frames of a video by its packets, without decoding them.

    Some formats have no count in the header, and in others it is wrong.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file has no video, or no frame.
    """
    with _open(path) as (container, stream):
        shown = [
            packet
            for packet in demux(path, container, stream)
            if packet.size and not packet.is_discard
        ]
        if not shown:
            raise BadVideoError(path, "no frames")

        times = [packet.dts if packet.pts is None else packet.pts for packet in shown]
        step = 1 / float(stream.average_rate or _DEFAULT_FPS)
        known = [time for time in times if time is not None]
        if len(known) > 1 and len(known) == len(times) and stream.time_base is not None:
            step = float((max(known) - min(known)) * stream.time_base) / (len(known) - 1) or step

        return VideoInfo(
            num_frames=len(times),
            fps=1 / step,
            duration=len(times) * step,
            width=stream.width,
            height=stream.height,
        )


def read_frames(
    path: str | os.PathLike,
    indices: Sequence[int],
    short_side: int | None = None,
    interpolation: str = BILINEAR,
) -> np.ndarray:
    """Decodes a video up to the last requested frame, and converts the requested ones.

    Args:
        path: a video file of a kind in `tsm_tf.data.sources.kinds`.
        indices: frame numbers from 0, in any order, with or without repetitions.
        short_side: pixels of the shorter side after resizing; None keeps the size.
        interpolation: the resize filter; see `tsm_tf.data.resize`.

    Returns:
        RGB `uint8 [len(indices), H, W, 3]`, rotated upright as the file's metadata says.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file is not a video, is broken, or is too short.
        InputError: there are no indices, or one is negative.
    """
    indices = [int(i) for i in indices]
    if not indices or min(indices) < 0:
        raise InputError("indices", "must be frame numbers from 0, at least one", indices)

    requested, last, found, count = set(indices), max(indices), {}, 0
    resizer = Resizer(interpolation)

    with _open(path) as (container, stream):
        # Clips are decoded in parallel. More threads within one clip cost more than they gain
        # (measured from 112x84 to 1280x720).
        stream.codec_context.thread_count = 1
        for frame in _decode(path, container, stream):
            if count in requested:
                found[count] = resizer.to_rgb(frame, short_side)
            count += 1
            if count > last:
                break

    if count <= last:
        reason = f"frame {last} is requested, the last is {count - 1}" if count else "no frames"
        raise BadVideoError(path, reason)
    if len({rgb.shape for rgb in found.values()}) > 1:
        raise BadVideoError(path, "frames of several sizes")

    return np.stack([found[i] for i in indices])


def iterate_frames(
    path: str | os.PathLike,
    short_side: int | None = None,
    interpolation: str = BILINEAR,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yields all frames with their times in seconds after the first; RGB as in `read_frames`.

    Closing the generator closes the file.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file is not a video, has no frame, or is broken behind the frames
            that were yielded.
    """
    first = None
    resizer = Resizer(interpolation)

    with _open(path) as (container, stream):
        stream.thread_type = "AUTO"
        fps = float(stream.average_rate or _DEFAULT_FPS)
        for number, frame in enumerate(_decode(path, container, stream)):
            seconds = number / fps if frame.time is None else frame.time
            first = seconds if first is None else first
            yield seconds - first, resizer.to_rgb(frame, short_side)

    if first is None:
        raise BadVideoError(path, "no frames")


@contextlib.contextmanager
def ffmpeg_errors(path: str | os.PathLike) -> Iterator[None]:
    """Context manager that turns FFmpeg's errors into a `BadVideoError` with the video's name."""
    try:
        yield
    except BadVideoError:
        raise
    except av.error.ExitError:
        raise BadVideoError(path, "no answer in time") from None
    except (av.error.FFmpegError, ValueError) as error:
        raise BadVideoError(path, getattr(error, "strerror", None) or str(error)) from None


def demux(
    path: str | os.PathLike,
    container: av.container.InputContainer,
    stream: av.VideoStream,
) -> Iterator[av.Packet]:
    """Yields a stream's packets; errors name the video."""
    with ffmpeg_errors(path):
        yield from container.demux(stream)


@contextlib.contextmanager
def _open(path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    path = os.fspath(path)
    if not os.path.exists(path):
        raise MissingFile("video", "must be an existing file", path)
    if not os.path.isfile(path):  # FFmpeg would wait for a FIFO
        raise BadVideoError(path, "a folder, FIFO or device")
    if not os.path.getsize(path):  # files in /proc also have no size, and some never end
        raise BadVideoError(path, "an empty file")

    with ffmpeg_errors(path):
        try:
            # Without the prefix, a colon in the name means a protocol.
            container = av.open(f"file:{path}", container_options=_OPTIONS)
        except av.error.ArgumentError:
            kinds = ", ".join(sorted(CONTAINERS))
            raise BadVideoError(path, f"damaged, or not one of these: {kinds}") from None

    with container:
        stream = container.streams.best("video")  # a film, rather than the picture of its cover
        if not isinstance(stream, av.VideoStream):
            raise BadVideoError(path, "no video stream")
        codec = stream.codec_context
        if codec is None or codec.codec.canonical_name not in CODECS:
            raise BadVideoError(path, f"a codec other than {', '.join(sorted(CODECS))}")
        yield container, stream


def _decode(path, container, stream):
    with ffmpeg_errors(path):
        yield from container.decode(stream)
