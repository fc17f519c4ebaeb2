"""Frames of a video in order: those that a stream shows a model, and all of them for a viewer."""

import math
from collections.abc import Iterator

import numpy as np

from tsm_tf.data.crops import center_crop
from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.resize import BILINEAR
from tsm_tf.data.sampling_rate import frames_at
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VideoFiles, iterate_frames
from tsm_tf.data.video import Video
from tsm_tf.spec import ModelSpec

_ZERO_FLOW = 128
_EPSILON = 1e-6


class StreamFrames:
    """The frames of a video, or of its segment, that a stream at a fixed rate shows a model.

    As in `export.live`, a frame is never repeated: a video with a lower rate shows fewer frames.

    Args:
        video: the video.
        spec: gives the size of the frames, and how they are chosen.
        fps: frames per second.
        source: what frames are read from.

    Attributes:
        count: number of frames.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be read, or ends before the segment.
    """

    def __init__(self, video: Video, spec: ModelSpec, fps: float, source: Source):
        self._video, self._spec, self._source = video, spec, source
        duration = source.num_frames(video.path) / source.fps(video.path)
        end = duration if video.end is None else min(video.end, duration)
        if video.start >= end:
            reason = f"a segment starts at {video.start:g} s, the video ends at {duration:.2f}"
            raise BadVideoError(video.path, reason)

        count = max(1, math.ceil((end - video.start) * fps - _EPSILON))
        moments = video.start + np.arange(count) / fps
        indices = frames_at(video.path, moments, source, spec.sampling_rate)
        self._indices = frozenset(indices.tolist())
        self.count = len(self._indices)

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Yields the time of each frame in the video, and RGB `uint8 [S, S, 3]`."""
        spec, last = self._spec, max(self._indices)
        frames = _in_order(self._video.path, self._source, spec.short_side, spec.interpolation)
        for index, (seconds, frame) in enumerate(frames):
            if index in self._indices:
                yield seconds, np.ascontiguousarray(center_crop(frame, spec.input_size))
            if index == last:
                return


def pictures(video: Video, source: Source) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the time and the picture of each frame of a video, or of its segment.

    Optical flow is shown with x in the red and y in the green channel, unless it is computed from
    RGB frames, which are shown instead.

    Yields:
        Seconds in the video, and `uint8 [H, W, 3]` of the stored size.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
    """
    if isinstance(source, ComputedFlow):
        source = source.source
    end = math.inf if video.end is None else video.end

    for seconds, frame in _in_order(video.path, source, None):
        if seconds >= end:
            return
        if seconds >= video.start:
            yield seconds, frame if frame.shape[-1] == 3 else _show_flow(frame)


def _show_flow(frame):
    return np.concatenate([frame, np.full_like(frame[..., :1], _ZERO_FLOW)], axis=-1)


def _in_order(
    path: str,
    source: Source,
    short_side: int | None,
    interpolation: str = BILINEAR,
) -> Iterator[tuple[float, np.ndarray]]:
    """Yields the time of each frame of a video and the frame; a file is decoded once."""
    if isinstance(source, VideoFiles):
        yield from iterate_frames(path, short_side, interpolation)
        return
    for index, seconds in enumerate(source.times(path)):
        yield float(seconds), source.read(path, [index], short_side, interpolation)[0]
