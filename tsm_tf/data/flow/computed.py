"""Optical flow of a video at run time, without stored images."""

import os
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from tsm_tf.data.flow.tv_l1 import FlowEncoder, FlowSettings, decode
from tsm_tf.data.resize import BILINEAR, resize_short_side
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES

_CHUNK_BYTES = 128 << 20


class ComputedFlow:
    """Source of optical flow that computes it on every request, from a source of RGB frames.

    The values are those that `python -m tsm_tf.data.flow` stores, JPEG compression included. One
    pair of frames of 340x256 takes about a second on one core.

    Args:
        source: what the RGB frames are read from.
        settings: how the flow is computed.

    Example:
        >>> clip = center_clip(video, spec, ComputedFlow(VIDEO_FILES))
    """

    modality = "flow"

    def __init__(
        self,
        source: Source = VIDEO_FILES,
        settings: FlowSettings = FlowSettings(),  # noqa: B008 (frozen)
    ):
        self.source = source
        self.settings = settings
        FlowEncoder(settings)  # raises where there is no TV-L1
        self._threads = threading.local()

    def num_frames(self, path: str) -> int:
        """Returns the number of flow frames, one less than the video has frames."""
        count = self.source.num_frames(path) - 1
        if not count:
            raise BadVideoError(path, "one frame, between which and the next there is no flow")
        return count

    def fps(self, path: str) -> float:
        """Returns the frames per second of the video."""
        return self.source.fps(path)

    def times(self, path: str) -> np.ndarray:
        """Returns the times of all frames but the last."""
        return self.source.times(path)[:-1]

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Computes flow frames of a video, `uint8 [n, H, W, 2]`; see `Source.read`."""
        wanted = sorted({int(index) for index in indices})
        pairs = sorted({frame for index in wanted for frame in (index, index + 1)})
        side = compute_side(path, self.source, self.settings)
        frames = dict(zip(pairs, self.source.read(path, pairs, side), strict=True))

        flows = {}
        for index in wanted:
            flow = decode(*self._encoder().encode(frames[index], frames[index + 1]))
            if short_side:
                flow = resize_short_side(flow, short_side, interpolation)
            flows[index] = flow
        return np.stack([flows[int(index)] for index in indices])

    def _encoder(self) -> FlowEncoder:
        if not hasattr(self._threads, "encoder"):
            self._threads.encoder = FlowEncoder(self.settings)
        return self._threads.encoder


def video_flow(
    path: str | os.PathLike,
    settings: FlowSettings = FlowSettings(),  # noqa: B008 (frozen)
    source: Source = VIDEO_FILES,
) -> np.ndarray:
    """Returns the optical flow of a whole video, as it would be stored.

    Args:
        path: the video.
        settings: how the flow is computed.
        source: what the RGB frames are read from.

    Returns:
        `uint8 [num_frames - 1, H, W, 2]`: x and y, with 128 as zero.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded, or has one frame only.
        InputError: this OpenCV has no TV-L1.
    """
    path = os.fspath(path)
    encoder = FlowEncoder(settings)
    count = ComputedFlow(source, settings).num_frames(path) + 1
    pairs = frame_pairs(path, source, settings, 0, count)
    return np.stack([decode(*encoder.encode(one, other)) for one, other in pairs])


def frame_pairs(
    path: str,
    source: Source,
    settings: FlowSettings,
    first: int,
    end: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields each RGB frame and the next one, at the size at which flow is computed.

    Frames are read in parts, so that long videos need little memory.

    Args:
        path: the video.
        source: what the frames are read from.
        settings: gives the size.
        first: the first frame.
        end: the frame behind the last one.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be decoded.
    """
    side = compute_side(path, source, settings)
    last, number = None, 2

    while first < end:
        frames = source.read(path, range(first, min(first + number, end)), side)
        first += len(frames)
        number = max(2, _CHUNK_BYTES // frames[0].nbytes)
        for frame in frames:
            if last is not None:
                yield last, frame
            last = frame


def compute_side(path: str, source: Source, settings: FlowSettings) -> int:
    """Returns the short side at which the flow of a video is computed; no video is enlarged."""
    frame = source.read(path, [0], None)[0]
    return min(settings.short_side, *frame.shape[:2])
