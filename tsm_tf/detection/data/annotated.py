"""Videos with boxes, whatever format their annotations have."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import overload

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class AnnotatedFrame:
    """One picture and the objects in it.

    Args:
        path: the picture.
        width: its width, in pixels.
        height: its height.
        boxes: `float32 [M, 4]`, x1, y1, x2, y2 in pixels of the picture. Half-open: x2 - x1 is the
            width. Cut to the picture.
        classes: `int32 [M]`, indices into the labels of the listing, without background.
        tracks: `int32 [M]`, number of each object in its video; -1 if unknown.
        degraded: `bool [M]`, whether the class is hard to see in this frame alone. Only rendered
            data says so; False everywhere else.
    """

    path: str
    width: int
    height: int
    boxes: np.ndarray
    classes: np.ndarray
    tracks: np.ndarray
    degraded: np.ndarray


class LazyFrames(Sequence[AnnotatedFrame]):
    """Frames whose annotations are read on every access, so that long lists open at once.

    Args:
        count: number of frames.
        read: returns the frame of an index; errors name the file and the line.
    """

    def __init__(self, count: int, read: Callable[[int], AnnotatedFrame]):
        self._count, self._read = count, read

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> AnnotatedFrame: ...

    @overload
    def __getitem__(self, index: slice) -> list[AnnotatedFrame]: ...

    def __getitem__(self, index):
        places = range(self._count)[index]
        if isinstance(places, range):
            return [self._read(place) for place in places]
        return self._read(places)


@dataclasses.dataclass(frozen=True)
class AnnotatedVideo:
    """A video with boxes, or a still image, which is a video of one frame.

    Args:
        name: its name in the list, such as `val/ILSVRC2015_val_00000000`.
        frames: its frames in order. Reading one reads its annotation.
        first_id: number of the first frame in the whole list, from 1, as detections files count.
        key_frames: indices of the frames that training samples contain, one sample each; None for
            one sample anywhere in the video.
    """

    name: str
    frames: Sequence[AnnotatedFrame]
    first_id: int = 1
    key_frames: tuple[int, ...] | None = None
