"""Encodes single videos for shards."""

import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from tsm_tf.data.shard.records import MAX_RECORD_BYTES
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders, decode_flow
from tsm_tf.data.sources.video_file import VideoFiles, read_frames
from tsm_tf.errors import InputError

_FRAMES_AT_ONCE = 256  # that are decoded before they are encoded


class EncodedVideo(NamedTuple):
    """A video for a record.

    Attributes:
        parts: the JPEG frames, the original file alone, or the images of optical flow: one per
            frame, or x and y of each.
        times: when each part is shown, in seconds after the first, `float64 [len(parts)]`.
        num_frames: number of stored frames.
        source_frames: number of frames of the video.
        fps: frames per second of the stored frames.
        size: width and height of the frames.
    """

    parts: list[bytes]
    times: np.ndarray
    num_frames: int
    source_frames: int
    fps: float
    size: tuple[int, int]


def encode_video(path: str, source: Source, settings: Settings) -> EncodedVideo:
    """Returns a video in the form in which shards store it.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded, or is too large for a record.
        InputError: it is not a file, and original files are to be stored.
    """
    if isinstance(source, FlowFolders):
        return _flow(path, source)
    if settings.encode == "original":
        return _original(path, source)

    fps, count = source.fps(path), source.num_frames(path)
    # The first frame at or after the start of each of `settings.frames` equal parts.
    stored = min(count, settings.frames or count)
    wanted = np.arange(stored) * count // stored

    parts, times, size, total = [], [], (0, 0), 0
    for seconds, frame in _frames(path, source, wanted, settings.short_side):
        size = frame.shape[1], frame.shape[0]
        parts.append(_jpeg(frame, settings.quality))
        times.append(seconds)
        total += len(parts[-1])
        if total > MAX_RECORD_BYTES:
            reason = "its frames take more than 2 GiB; store fewer (--frames), or split the video"
            raise BadVideoError(path, reason)

    if len(parts) < stored:
        raise BadVideoError(path, f"frame {wanted[len(parts)]} of {count} cannot be decoded")
    rate = fps * stored / count
    return EncodedVideo(parts, np.array(times), stored, count, rate, size)


def estimate_bytes(path: str, source: Source, settings: Settings) -> int:
    """Estimates the bytes of one video in a shard, from its first, middle and last frame.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
    """
    count = source.num_frames(path)
    if isinstance(source, FlowFolders):
        images = [source.stored_images(path, i).values() for i in (0, count // 2, count - 1)]
        return sum(map(len, itertools.chain(*images))) * count // len(images)
    if settings.encode == "original":
        return os.path.getsize(path)
    frames = source.read(path, [0, count // 2, count - 1], settings.short_side)
    mean = sum(len(_jpeg(frame, settings.quality)) for frame in frames) / len(frames)
    return int(mean * min(count, settings.frames or count))


def _original(path, source) -> EncodedVideo:
    if not isinstance(source, VideoFiles):
        raise InputError("encode", "must be jpeg for data that are not video files", "original")
    if os.path.getsize(path) > MAX_RECORD_BYTES:
        raise BadVideoError(path, "the file has more than 2 GiB; use --encode=jpeg")

    height, width = read_frames(path, [0]).shape[1:3]
    count = source.num_frames(path)
    with open(path, "rb") as file:
        content = file.read()
    return EncodedVideo([content], np.zeros(1), count, count, source.fps(path), (width, height))


def _flow(path, source: FlowFolders) -> EncodedVideo:
    """Returns the images as they are, each of which is decoded once to find damage."""
    count, parts, shapes = source.num_frames(path), [], set()
    for index in range(count):
        images = source.stored_images(path, index)
        shapes.add(decode_flow(images, path).shape)
        parts += images.values()
    if len(shapes) > 1:
        raise BadVideoError(path, "frames of several sizes")
    if sum(map(len, parts)) > MAX_RECORD_BYTES:
        raise BadVideoError(path, "its images take more than 2 GiB; split the video")

    ((height, width, _),) = shapes
    times = source.times(path).repeat(len(parts) // count)
    return EncodedVideo(parts, times, count, count, source.fps(path), (width, height))


def _frames(path, source, wanted, short_side) -> Iterator[tuple[float, np.ndarray]]:
    """Yields times and frames; a long video never lies in memory as a whole."""
    if isinstance(source, VideoFiles):
        chosen = set(wanted.tolist())
        for number, (seconds, frame) in enumerate(source.iterate(path, short_side)):
            if number in chosen:
                yield seconds, frame
            if number == wanted[-1]:
                return
        return

    times = source.times(path)
    for start in range(0, len(wanted), _FRAMES_AT_ONCE):
        indices = wanted[start : start + _FRAMES_AT_ONCE].tolist()
        frames = source.read(path, indices, short_side)
        yield from zip(times[indices].tolist(), frames, strict=True)


def _jpeg(frame: np.ndarray, quality: int) -> bytes:
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()
