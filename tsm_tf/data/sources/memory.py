"""Keeps decoded videos in memory, so that small data sets are decoded once, not in every epoch."""

import threading
from collections.abc import Sequence

import numpy as np

from tsm_tf.data.resize import BILINEAR
from tsm_tf.data.sources import Source, parallel_reads, read_for_crop
from tsm_tf.data.sources.bad_video import BadVideoError


class MemoryCache:
    """Caches the decoded frames of the first videos requested, up to a memory limit.

    Other videos are decoded on every request. Nothing is evicted: every epoch requests every
    video once, so no video is a better choice than another.

    Args:
        source: what the frames are read from.
        num_bytes: limit for all frames together; 0 caches nothing.
    """

    def __init__(self, source: Source, num_bytes: int):
        self.source = source
        self.modality = source.modality
        self._bytes_left = num_bytes
        self._largest_frame = 0  # bytes, of the videos cached so far
        self._num_frames: dict[str, int] = {}
        self._fps: dict[str, float] = {}
        self._times: dict[str, np.ndarray] = {}
        self._videos: dict[tuple[str, int | None, str], np.ndarray] = {}
        self._lock = threading.Lock()

    @property
    def parallel_reads(self) -> int:
        """How many clips to load at once, as the source says."""
        return parallel_reads(self.source)

    def num_frames(self, path: str) -> int:
        """Returns the number of frames of a video, and remembers it."""
        if path not in self._num_frames:
            self._num_frames[path] = self.source.num_frames(path)
        return self._num_frames[path]

    def fps(self, path: str) -> float:
        """Returns the frames per second of a video, and remembers them."""
        if path not in self._fps:
            self._fps[path] = self.source.fps(path)
        return self._fps[path]

    def times(self, path: str) -> np.ndarray:
        """Returns the times of a video's frames, and remembers them."""
        if path not in self._times:
            self._times[path] = self.source.times(path)
        return self._times[path]

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Returns what the source returns, from memory where possible; see `Source.read`."""
        frames = self._cached(path, indices, short_side, interpolation)
        if frames is not None:
            return frames
        return self.source.read(path, indices, short_side, interpolation)

    def read_for_crop(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Returns frames from memory where possible; see `CropSource.read_for_crop`."""
        frames = self._cached(path, indices, short_side, interpolation)
        if frames is not None:
            return frames
        return read_for_crop(self.source, path, indices, short_side, interpolation)

    def _cached(self, path, indices, short_side, interpolation):
        """Returns frames from memory, or None."""
        key = (path, short_side, interpolation)

        if key not in self._videos and self._may_fit(path, indices, short_side):
            self._decode_whole(key)

        frames = self._videos.get(key)
        if frames is not None and max(indices) < len(frames):
            return frames[np.asarray(indices)]
        return None

    def _may_fit(self, path, indices, short_side):
        """Estimates whether a whole video fits, without decoding it.

        Counting the frames reads the whole file, so a lower bound is checked first.
        """
        # A frame is at least a square. The largest frame so far is a better guess.
        channels = 2 if self.modality == "flow" else 3
        frame_bytes = max(self._largest_frame, channels * (short_side or 0) ** 2)

        if (max(indices) + 1) * frame_bytes > self._bytes_left:
            return False
        return self.num_frames(path) * frame_bytes <= self._bytes_left

    def _decode_whole(self, key):
        path, short_side, interpolation = key
        try:
            frames = self.source.read(path, range(self.num_frames(path)), short_side, interpolation)
        except BadVideoError:
            return  # the broken part may lie behind the frames that are asked for

        with self._lock:
            self._largest_frame = max(self._largest_frame, frames[0].nbytes)
            if key not in self._videos and frames.nbytes <= self._bytes_left:
                self._bytes_left -= frames.nbytes
                self._videos[key] = frames
