"""Decoded videos that stay in memory, so that a training decodes small ones once and not in every epoch."""

import os
import threading
from collections.abc import Sequence

import numpy as np

from tsm_tf.data.sources.video_file import BadVideoError, read_frames


class FrameCache:
    """Keeps all frames of the first videos that it is asked for, until its memory is full; the others are decoded.

    What is in it stays: every epoch takes every video once, so the least recently used one is as good as any.

    Args:
        num_bytes: of all frames together, at most.
    """

    def __init__(self, num_bytes: int):
        self._left = num_bytes
        self._frame_bytes = (
            0  # of the largest frame so far: what a video will take is known when it is decoded
        )
        self._videos: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def read_frames(
        self, path: str | os.PathLike, indices: Sequence[int], short_side: int, num_frames: int
    ) -> np.ndarray:
        """Returns what `decode.read_frames` returns; several threads may call it.

        Args:
            path, indices, short_side: as there; a path always has the same short side.
            num_frames: of the whole video.
        """
        key = str(path)
        frame_bytes = max(
            self._frame_bytes, 3 * short_side**2
        )  # before any is seen: they are no smaller
        if key not in self._videos and num_frames * frame_bytes <= self._left:
            self._keep(key, short_side, num_frames)
        if key in self._videos and max(indices) < num_frames:
            return self._videos[key][np.asarray(indices)]
        return read_frames(path, indices, short_side)

    def _keep(self, key, short_side, num_frames):
        try:
            frames = read_frames(key, range(num_frames), short_side)
        except BadVideoError:
            return  # perhaps behind the frames that are asked for
        with self._lock:
            self._frame_bytes = max(self._frame_bytes, frames[0].nbytes)
            if key not in self._videos and frames.nbytes <= self._left:
                self._left -= frames.nbytes
                self._videos[key] = frames
