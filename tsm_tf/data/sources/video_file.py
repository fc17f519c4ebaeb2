"""Video files: decodes them with PyAV and converts only the requested frames to upright RGB.

Colours follow the file's matrix and range. Pixels count as square, as in the official frame
extraction.
"""

import os
import sys
import time
from collections.abc import Generator, Sequence

import numpy as np

from tsm_tf.data.resize import BILINEAR, Resizer
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError, ffmpeg_errors
from tsm_tf.data.sources.decoding import Decoder
from tsm_tf.data.sources.frame_times import FrameClock
from tsm_tf.data.sources.opening import has_presentation_times, nominal_fps, open_video
from tsm_tf.data.sources.probe import frame_times, probe
from tsm_tf.errors import InputError

MAX_ASPECT_RATIO = 32
"""The ratio of the sides of frames that are resized; 2x4096 would become 256x524288."""


class VideoFiles:
    """Source that decodes video files on every request.

    Args:
        keeps_damaged: whether damaged pictures are used as far as they could be decoded. Otherwise,
            a video is an error if it has one up to the last requested frame.

    Attributes:
        damaged: number of damaged pictures that were used, by path. A path appears once its video
            has been read and found to be damaged.
    """

    modality = "rgb"

    def __init__(self, keeps_damaged: bool = False):
        self.keeps_damaged = keeps_damaged
        self.damaged: dict[str, int] = {}

    def __reduce__(self):
        return VideoFiles, (self.keeps_damaged,)  # for other processes, which have their own lock

    def num_frames(self, path: str) -> int:
        """Counts the frames of a video; see `probe`."""
        return probe(path, self.keeps_damaged).num_frames

    def fps(self, path: str) -> float:
        """Returns the frames per second of a video; see `probe`."""
        return probe(path, self.keeps_damaged).fps

    def times(self, path: str) -> np.ndarray:
        """Returns the times of a video's frames; see `frame_times`."""
        return frame_times(path, self.keeps_damaged)

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Decodes frames of a video; see `read_frames`."""
        decoder = Decoder(path, self.keeps_damaged)
        frames = _read(decoder, indices, short_side, interpolation)

        if decoder.damaged:
            self.damaged[path] = max(decoder.damaged, self.damaged.get(path, 0))
        return frames

    def iterate(
        self,
        path: str,
        short_side: int | None,
    ) -> Generator[tuple[float, np.ndarray], None, None]:
        """Yields all frames of a video with their times; see `iterate_frames`."""
        decoder = Decoder(path, self.keeps_damaged, time.process_time)
        try:
            yield from _iterate(decoder, Resizer(), short_side)
        finally:
            if self.keeps_damaged and decoder.damaged:
                self.damaged[path] = decoder.damaged


VIDEO_FILES = VideoFiles()


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
    return _read(Decoder(path), indices, short_side, interpolation)


def _read(decoder, indices, short_side, interpolation):
    indices = [int(i) for i in indices]
    if not indices or min(indices) < 0:
        raise InputError("indices", "must be frame numbers from 0, at least one", indices)

    places = {index: place for place, index in enumerate(sorted(set(indices)))}
    last, count, frames = max(indices), 0, None
    resizer = Resizer(interpolation)

    with open_video(decoder.path) as (container, stream):
        # Clips are decoded in parallel. More threads within one clip cost more than they gain
        # (measured from 112x84 to 1280x720).
        stream.codec_context.thread_count = 1
        for frame in decoder.frames(container, stream):
            if count in places:
                out = None if frames is None else frames[places[count]]
                rgb = _to_rgb(decoder.path, frame, resizer, short_side, out)
                if frames is None:
                    frames = np.empty((len(places), *rgb.shape), np.uint8)
                if rgb.shape != frames.shape[1:]:
                    raise BadVideoError(decoder.path, "frames of several sizes")
                if rgb is not out:
                    frames[places[count]] = rgb
            count += 1
            if count > last:
                break

    if frames is None or count <= last:
        raise TooFewFramesError(decoder.path, last, count)
    return frames if indices == list(places) else frames[[places[index] for index in indices]]


def _to_rgb(path, frame, resizer, short_side, out=None):
    sides = frame.width, frame.height
    if short_side and max(sides) > MAX_ASPECT_RATIO * min(sides):
        rule = f"with one side at most {MAX_ASPECT_RATIO} times the other"
        raise BadVideoError(path, f"{sides[0]}x{sides[1]} pixels per frame, not {rule}")

    with ffmpeg_errors(path):
        return resizer.to_rgb(frame, short_side, out)


def iterate_frames(
    path: str | os.PathLike,
    short_side: int | None = None,
    interpolation: str = BILINEAR,
    keeps_damaged: bool = False,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yields all frames with their times in seconds after the first; RGB as in `read_frames`.

    The times never step back; a warning is printed if those in the file do. Closing the generator
    closes the file.

    Args:
        path: a video file, as in `read_frames`.
        short_side: pixels of the shorter side after resizing; None keeps the size.
        interpolation: the resize filter; see `tsm_tf.data.resize`.
        keeps_damaged: whether damaged pictures are yielded as far as they could be decoded, and
            counted in a warning at the end, or when the generator is closed. Otherwise, the first
            one is an error.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file is not a video, has no frame, or is broken behind the frames
            that were yielded.
    """
    decoder = Decoder(path, keeps_damaged, time.process_time)
    try:
        yield from _iterate(decoder, Resizer(interpolation), short_side)
    finally:
        if keeps_damaged and decoder.damaged:
            pictures = "picture was" if decoder.damaged == 1 else "pictures were"
            line = f"warning: {decoder.damaged:,} damaged {pictures} kept in {path}"
            print(line, file=sys.stderr, flush=True)


def _iterate(decoder, resizer, short_side):
    num_frames = 0
    with open_video(decoder.path) as (container, stream):
        stream.thread_type = "AUTO"
        clock = FrameClock(1 / nominal_fps(stream), has_presentation_times(container), warns=True)
        for frame in decoder.frames(container, stream):
            num_frames += 1
            yield clock.at(frame), _to_rgb(decoder.path, frame, resizer, short_side)

    if not num_frames:
        raise BadVideoError(decoder.path, "no frames")
