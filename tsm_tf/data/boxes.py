"""Boxes of objects in videos, for networks that take them as a second input.

They come from `boxes.npz` in the data folder, with two arrays:

- `names`, `[videos]`: the paths of the videos as in the lists.
- `boxes`, `float [videos, times, R, 4]`: x1, y1, x2, y2 relative to the width and height of the
  frame, from 0 to 1. The times are spread evenly over the video: row k is for the frames from
  `k / times` to `(k + 1) / times` of its length. R is the same everywhere; where there are fewer
  boxes, repeat one or give the whole frame.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence

import numpy as np

from tsm_tf.catalogue import find_architecture
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError, MissingFile, one_line
from tsm_tf.spec import ModelSpec

BOXES_FILE = "boxes.npz"


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of the frames that a clip shows.

    Args:
        frame: width and height of the frames.
        crop: width, height, x and y of the crop, in pixels of the frames.
        size: height and width of the clip.
        is_mirrored: whether the clip is mirrored from left to right.
    """

    frame: tuple[int, int]
    crop: tuple[int, int, int, int]
    size: int
    is_mirrored: bool = False

    def move(self, boxes: np.ndarray) -> np.ndarray:
        """Returns boxes in pixels of the clip, from 0 to `size - 1`, for boxes relative to frames.

        Args:
            boxes: `[..., 4]`.
        """
        w, h, x, y = self.crop
        moved = boxes * np.array(self.frame * 2, np.float32) - np.array((x, y) * 2, np.float32)
        moved = moved * self.size / np.array((w, h) * 2, np.float32)
        if self.is_mirrored:
            moved[..., 0::2] = self.size - moved[..., 2::-2]
        return moved.clip(0, self.size - 1).astype(np.float32)


class Boxes:
    """The boxes of a data folder.

    Args:
        rows: video names to rows of `values`.
        values: `float [videos, times, R, 4]`.
    """

    def __init__(self, rows: Mapping[str, int], values: np.ndarray):
        self._rows, self._values = rows, values

    def check(self, videos: Sequence[Video]) -> None:
        """Raises an `InputError` unless there are boxes for each of some videos."""
        missing = [video.name for video in videos if video.name not in self._rows]
        if missing:
            rule = f"must have the names of all videos; {BOXES_FILE} lacks {len(missing):,} of them"
            raise InputError("boxes", rule, missing[:5])

    @property
    def count(self) -> int:
        """Boxes per time, R."""
        return self._values.shape[2]

    def of_clip(self, video: Video, moments: np.ndarray, window: Window) -> np.ndarray:
        """Returns the boxes of every second frame of a clip, `float32 [T/2, R, 4]`, in its pixels.

        Args:
            video: the video.
            moments: where the frames are in the video, `[T]`, from 0 (begin) to 1 (end).
            window: what the clip shows of the frames.
        """
        times = self._values.shape[1]
        rows = (moments[::2] * times).astype(np.int64).clip(0, times - 1)
        return window.move(self._values[self._rows[video.name], rows].astype(np.float32))


def boxes_for(spec: ModelSpec, data: str, videos: Sequence[Video]) -> Boxes | None:
    """Returns the boxes of a data folder if the network takes any, else None.

    Args:
        spec: names the network.
        data: the folder.
        videos: those that need boxes.

    Raises:
        MissingFile: there is no such file.
        InputError: it is damaged, holds something else, or lacks a video.
    """
    if not find_architecture(spec.backbone).takes_boxes:
        return None
    path = os.path.join(data, BOXES_FILE)
    if not os.path.isfile(path):
        rule = f"must be a folder with {BOXES_FILE}, because {spec.backbone} takes boxes"
        raise MissingFile("data", rule, data)
    boxes = _read(path, os.stat(path).st_mtime_ns)
    boxes.check(videos)
    return boxes


@functools.lru_cache(maxsize=1)
def _read(path: str, _: int) -> Boxes:
    try:
        with np.load(path, allow_pickle=False) as file:
            names, values = file["names"], file["boxes"]
    except (KeyError, OSError, ValueError) as error:
        rule = f"must be an .npz file with the arrays names and boxes ({one_line(error)})"
        raise InputError("boxes", rule, path) from error

    is_text = names.ndim == 1 and names.dtype.kind == "U"
    if not is_text or values.ndim != 4 or values.shape[-1] != 4 or 0 in values.shape:
        rule = "must hold names [videos], and boxes [videos, times, R, 4]"
        raise InputError("boxes", rule, (names.shape, values.shape))
    if len(names) != len(values) or len(set(names.tolist())) != len(names):
        rule = f"must have one row of boxes for each of its {len(names)} names, which are distinct"
        raise InputError("boxes", rule, values.shape)

    start, end = values[..., :2], values[..., 2:]
    is_good = (start >= 0) & (start <= end) & (end <= 1)  # also False for NaN
    if not is_good.all():
        video = np.argwhere(~is_good)[0]
        rule = "must be in the frame: 0 <= x1 <= x2 <= 1, 0 <= y1 <= y2 <= 1, relative to its size"
        received = f"{values[tuple(video[:3])].tolist()} of {names[video[0]]}"
        raise InputError("boxes", rule, received)
    return Boxes({name: row for row, name in enumerate(names.tolist())}, values)
