"""An overview of rendered videos: a contact sheet and a GIF, with their boxes."""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tsm_tf.detection.data.synthetic.scene import LABELS, DrawnObject, Scene
from tsm_tf.files import replacing

CONTACT_SHEET = "contact_sheet.png"
GIF = "videos.gif"
_COLORS = ((255, 220, 0), (0, 230, 255), (255, 80, 200), (120, 255, 80))  # RGB, one per label
_FRAMES = 10  # of a video, side by side
_ZOOM = 2
_CAPTION_HEIGHT = 24  # pixels
_GIF_MILLISECONDS = 120  # per frame
_GIF_COLUMNS = 2


def write_contact_sheet(path: pathlib.Path, scenes: Sequence[Scene]) -> None:
    """Draws the first frames of each video in a row, as a PNG."""
    rows = []
    for scene in scenes:
        frames = boxed_frames(scene)[:_FRAMES]
        blanks = [np.zeros_like(frames[0])] * (_FRAMES - len(frames))
        rows.append(np.concatenate([*frames, *blanks], axis=1))
    sheet = np.concatenate([_captions(rows[0].shape[1]), *rows])

    with replacing(path) as temporary:
        Image.fromarray(sheet).save(temporary, format="PNG")


def write_gif(path: pathlib.Path, scenes: Sequence[Scene]) -> None:
    """Draws videos of one length side by side, two per row, as a GIF."""
    videos = [boxed_frames(scene) for scene in scenes]
    videos += [np.zeros_like(videos[0])] * (-len(videos) % _GIF_COLUMNS)
    pairs = range(0, len(videos), _GIF_COLUMNS)
    rows = [np.concatenate(videos[first : first + _GIF_COLUMNS], axis=2) for first in pairs]
    pictures = np.concatenate(rows, axis=1)

    # One palette for all frames, since finding one takes most of the time.
    palette = Image.fromarray(pictures[0]).quantize()
    first, *others = (
        Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE)
        for picture in pictures
    )
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=_GIF_MILLISECONDS,
            loop=0,
        )


def boxed_frames(scene: Scene) -> np.ndarray:
    """Returns the enlarged frames of a video with boxes; thin ones where the class is hidden."""
    frames, objects = scene.frames()
    return np.stack([_with_boxes(*pair) for pair in zip(frames, objects, strict=True)])


def _with_boxes(frame: np.ndarray, objects: Sequence[DrawnObject]) -> np.ndarray:
    picture = frame.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1)
    for drawn in objects:
        x1, y1, x2, y2 = (_ZOOM * value for value in drawn.box)
        thickness = 1 if drawn.is_degraded else 2
        cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), _COLORS[drawn.label], thickness)
    return picture


def _captions(width):
    picture = np.zeros((_CAPTION_HEIGHT, width, 3), np.uint8)
    texts = [*zip(LABELS, _COLORS, strict=True), ("thin box: the class is hidden", (255,) * 3)]
    for number, (text, color) in enumerate(texts):
        cv2.putText(
            picture,
            text,
            org=(8 + number * width // len(texts), 17),
            fontFace=cv2.FONT_HERSHEY_SIMPLEX,
            fontScale=0.5,
            color=color,
            thickness=1,
            lineType=cv2.LINE_AA,
        )
    return picture
