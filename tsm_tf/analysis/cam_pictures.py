"""Pictures of class activation maps of several models: a strip, a GIF and an MP4."""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tsm_tf.analysis.activation_maps import resize_maps
from tsm_tf.data.synthetic.render import write_video
from tsm_tf.evaluation.captions import LINE_HEIGHT, caption
from tsm_tf.files import replacing

MAX_COLUMNS = 8
"""Frames in a strip; longer clips are sampled evenly."""

_PANEL, _LABEL_WIDTH = 144, 232  # pixels
_FPS = 4  # slow enough to see what a model looks at
_DARKENED = 0.3
_OUTLINE = (255, 170, 0)


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """What a model sees in a clip, or no model.

    Args:
        lines: the text beside the frames, such as the model's name and the class.
        frames: RGB `uint8 [T, S, S, 3]`.
        maps: `float32 [T, h, w]`; None shows the frames as they are.
        threshold: smallest value that is in the foreground.
    """

    lines: Sequence[str]
    frames: np.ndarray
    maps: np.ndarray | None = None
    threshold: float = 0.0

    @functools.cached_property
    def panels(self) -> np.ndarray:
        """The frames with an outlined foreground and a darkened background, `[T, 144, 144, 3]`."""
        size = (_PANEL, _PANEL)
        frames = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in self.frames])
        if self.maps is None:
            return frames

        shown = []
        for frame, values in zip(frames, resize_maps(self.maps, _PANEL), strict=True):
            is_foreground = (values > self.threshold).astype(np.uint8)
            dark = np.where(is_foreground[..., None], frame, _DARKENED * frame).astype(np.uint8)
            outlines, _ = cv2.findContours(is_foreground, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            shown.append(cv2.drawContours(dark, outlines, -1, _OUTLINE, 1))
        return np.stack(shown)


def strip(views: Sequence[View]) -> np.ndarray:
    """Returns a picture with one row per view and at most 8 columns over time, `[H, W, 3]`."""
    rows = []
    for view in views:
        count = min(len(view.frames), MAX_COLUMNS)
        times = np.linspace(0, len(view.frames) - 1, count).round().astype(int)
        label = caption(view.lines, _LABEL_WIDTH, _PANEL)
        rows.append(np.concatenate([label, *view.panels[times]], axis=1))
    return np.concatenate(rows)


def film(views: Sequence[View]) -> np.ndarray:
    """Returns pictures over time with the views side by side, `uint8 [T, H, W, 3]`.

    Args:
        views: views with the same number of frames.
    """
    height = LINE_HEIGHT * (1 + max(len(view.lines) for view in views))
    width = _LABEL_WIDTH
    left = (width - _PANEL) // 2

    columns = []
    for view in views:
        text = caption(view.lines, width, height)
        margins = ((0, 0), (0, 0), (left, width - _PANEL - left), (0, 0))
        panels = np.pad(view.panels, margins, constant_values=255)
        captions = np.broadcast_to(text, (len(panels), *text.shape))
        columns.append(np.concatenate([captions, panels], axis=1))
    return np.concatenate(columns, axis=2)


def write_png(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes a picture `uint8 [H, W, 3]`, atomically."""
    with replacing(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def write_film(folder: pathlib.Path, name: str, pictures: np.ndarray) -> None:
    """Writes `<name>.gif` and `<name>.mp4` at 4 frames per second."""
    write_video(folder / f"{name}.mp4", pictures, _FPS)

    first, *others = [Image.fromarray(picture) for picture in pictures]
    with replacing(folder / f"{name}.gif") as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=1000 // _FPS,
            loop=0,
        )
