"""Opens video files: only kinds that are listed, within bounds, and no other file or address."""

import contextlib
import functools
import os
from collections.abc import Iterator
from typing import Any

import av
import av.codec
import av.container
import av.error
import av.stream

from tsm_tf.data.sources.bad_video import BadVideoError, ffmpeg_errors
from tsm_tf.data.sources.kinds import CODECS, CONTAINERS
from tsm_tf.errors import MissingFile

_VERSION = int(av.__version__.partition(".")[0])
IGNORE_BAD_METADATA: dict[str, Any] = {"metadata_errors": "ignore"} if _VERSION < 19 else {}
"""Arguments of `av.open` for titles that are not UTF-8. PyAV 19 has no such argument."""

MAX_PIXELS = 1 << 25
"""Largest frame that is decoded, in pixels; 8K video has 33,177,600."""

HIGHEST_FPS = 1e4
"""Frames per second above which the times of a file are not believed."""

_TIMEOUT = 15.0  # seconds in which a file must open, and in which it must give its next packet
_MAX_STREAMS = 100
_DEFAULT_FPS = 25.0  # for files that do not give a rate
_LOWEST_FPS = 1e-3
_MP4_BOXES = (b"ftyp", b"mdat", b"moov", b"free", b"skip", b"wide", b"uuid", b"moof", b"pnot")


@functools.cache
def container_options() -> dict[str, str]:
    """Returns FFmpeg's options for opening files and streams of unknown origin."""
    decoders = (
        name for name in sorted(av.codec.codecs_available) if _canonical_name(name) in CODECS
    )
    return {
        "format_whitelist": ",".join(sorted(CONTAINERS)),
        "codec_whitelist": ",".join(decoders),  # for decoders that run while the file is opened
        "max_streams": str(_MAX_STREAMS),
    }


def _canonical_name(decoder):
    try:
        return av.codec.Codec(decoder, "r").canonical_name
    except ValueError:  # only encodes
        return None


@contextlib.contextmanager
def open_video(
    path: str | os.PathLike,
) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Context manager that opens a video file and yields the container and its film.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file is not a video of a known kind, or its frames are too large.
    """
    path = os.fspath(path)
    if not os.path.exists(path):
        raise MissingFile("video", "must be an existing file", path)
    if not os.path.isfile(path):  # FFmpeg would wait for a FIFO
        raise BadVideoError(path, "a folder, FIFO or device")
    if not os.path.getsize(path):  # files in /proc also have no size, and some never end
        raise BadVideoError(path, "an empty file")

    with contextlib.ExitStack() as opened:
        with ffmpeg_errors(path):
            container = opened.enter_context(_open(path))
            stream = find_film(path, container)
        yield container, stream


def _open(path):
    try:
        return av.open(
            f"file:{path}",  # without the prefix, a colon in the name means a protocol
            container_options={**container_options(), "protocol_whitelist": "file"},
            timeout=_TIMEOUT,
            **IGNORE_BAD_METADATA,
        )
    except av.error.ArgumentError:
        kinds = ", ".join(sorted(CONTAINERS))
        raise BadVideoError(path, f"damaged, or not one of these: {kinds}") from None
    except av.error.InvalidDataError:
        if _lacks_index(path):
            reason = "an MP4 file without its index (`moov`): the recording or copy was cut off"
            raise BadVideoError(path, reason) from None
        raise


def _lacks_index(path):
    """Returns whether a file consists of MP4 boxes, of which none is the index."""
    size, start = os.path.getsize(path), 0
    with open(path, "rb") as file:
        while start + 16 <= size:
            file.seek(start)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4]), header[4:8]
            if kind == b"moov" or kind not in _MP4_BOXES:
                return False
            if length == 1:  # a larger size follows
                length = int.from_bytes(header[8:])
            if length < 8:  # the last box, which ends with the file
                break
            start += length
    return start > 0


def find_film(
    path: str | os.PathLike,
    container: av.container.InputContainer,
) -> av.VideoStream:
    """Returns the stream of a container that holds its film, ready to be decoded within bounds.

    Raises:
        BadVideoError: there is none, its codec is not a known one, or its frames are too large.
    """
    pictures = av.stream.Disposition.attached_pic
    films = [stream for stream in container.streams.video if not stream.disposition & pictures]
    best = container.streams.best("video")
    stream = next((film for film in films if film is best), next(iter(films), None))

    if stream is None:
        covers = " but a picture of its cover" if container.streams.video else ""
        raise BadVideoError(path, f"no video stream{covers}")
    codec: av.VideoCodecContext | None = stream.codec_context
    if codec is None or codec.codec.canonical_name not in CODECS:
        raise BadVideoError(path, f"a codec other than {', '.join(sorted(CODECS))}")
    if codec.width * codec.height > MAX_PIXELS:
        size = f"{codec.width}x{codec.height} pixels"
        raise BadVideoError(path, f"{size} per frame, of at most {MAX_PIXELS:,}")

    codec.options = {"max_pixels": str(MAX_PIXELS)}  # the size may change later
    return stream


def nominal_fps(stream: av.VideoStream) -> float:
    """Returns the frame rate that a file announces, or a usual one if that is absurd."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and _LOWEST_FPS <= rate <= HIGHEST_FPS:
            return float(rate)
    return _DEFAULT_FPS


def has_presentation_times(container: av.container.InputContainer) -> bool:
    """Returns whether a container stores when its pictures are shown; AVI stores their order."""
    return container.format.name != "avi"
