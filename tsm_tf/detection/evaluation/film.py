"""A video with boxes: the truth and the detections of each model, side by side (Fig. 6)."""

import pathlib
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from PIL import Image

from tsm_tf.camera.box_drawing import draw_boxes
from tsm_tf.data.synthetic.render import write_video
from tsm_tf.detection.data.annotated import AnnotatedVideo
from tsm_tf.detection.detections import class_color
from tsm_tf.detection.evaluation.detect_split import read_frames
from tsm_tf.detection.evaluation.records import DetectedBoxes, TrueBoxes
from tsm_tf.detection.evaluation.vid_ap import FAST
from tsm_tf.errors import InputError
from tsm_tf.evaluation.captions import LINE_HEIGHT, caption
from tsm_tf.evaluation.plot_text import drawable_names
from tsm_tf.files import replacing

MP4_FILE, GIF_FILE = "boxes.mp4", "boxes.gif"
MAX_FRAMES = 240
"""Frames of a long video that are drawn."""

_HEIGHT = 240  # pixels of a panel
_MAX_WIDTH = 428
_GAP = 4  # to the next panel
_GIF_COLORS = 96
_TRUTH = "truth"


def choose_video(videos: Sequence[AnnotatedVideo], true: TrueBoxes, name: str | None) -> int:
    """Returns the index of the video to draw: the one with most fast objects, or with a name.

    Raises:
        InputError: there is no video with that name.
    """
    if name is not None:
        found = [number for number, video in enumerate(videos) if video.name == name]
        if not found:
            raise InputError("video", "must be the name of a video of the split", name)
        return found[0]

    is_fast = true.motion <= FAST.motion[1]
    counts = [int(is_fast[_rows(true, video)].sum()) for video in videos]
    return int(np.argmax(counts))


def write_film(
    output: pathlib.Path,
    video: AnnotatedVideo,
    labels: Sequence[str],
    true: TrueBoxes,
    detected: Mapping[str, DetectedBoxes],
    min_score: float,
    fps: float,
) -> int:
    """Writes `boxes.mp4` and `boxes.gif`, with at most `MAX_FRAMES` frames.

    Args:
        output: the folder.
        video: the video.
        labels: names of the classes.
        true: the true boxes of the split.
        detected: the detections in the split, by the model's name.
        min_score: detections with a lower score are not drawn.
        fps: frames per second.

    Returns:
        The number of frames.
    """
    first = video.first_id - 1
    shown = {
        name: boxes.select((boxes.scores >= min_score) & (boxes.frames >= first))
        for name, boxes in detected.items()
    }
    labels, pictures = drawable_names(labels), []
    for number, frame in zip(range(MAX_FRAMES), read_frames(video), strict=False):
        rows = slice(true.first[first + number], true.first[first + number + 1])
        texts = [labels[c] for c in true.classes[rows]]
        panels = [_panel(frame, _TRUTH, true.boxes[rows], true.classes[rows], texts)]
        for name, boxes in shown.items():
            here = boxes.select(boxes.frames == first + number)
            here = here.select(np.argsort(here.scores, kind="stable"))
            texts = [
                f"{labels[c]} {score:.2f}"
                for c, score in zip(here.classes, here.scores, strict=True)
            ]
            panels.append(_panel(frame, name, here.boxes, here.classes, texts))
        pictures.append(np.concatenate(panels, axis=1))

    film = np.stack([cv2.resize(p, pictures[0].shape[1::-1]) for p in pictures])
    write_video(output / MP4_FILE, film, max(1, round(fps)))
    _write_gif(output / GIF_FILE, film, fps)
    return len(film)


def _rows(true: TrueBoxes, video: AnnotatedVideo) -> slice:
    first = video.first_id - 1
    return slice(true.first[first], true.first[first + len(video.frames)])


def _panel(frame, title, boxes, classes, texts):
    """Returns a frame with boxes below a title, of even height and width."""
    scale = min(_HEIGHT / frame.shape[0], _MAX_WIDTH / frame.shape[1])
    width = max(2, round(frame.shape[1] * scale / 2) * 2)
    height = max(2, round(frame.shape[0] * scale / 2) * 2)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(frame, (width, height), interpolation=interpolation)

    colors = [class_color(int(c)) for c in classes]
    picture = draw_boxes(picture, boxes * scale, texts, colors)
    panel = np.concatenate([caption([title], width, LINE_HEIGHT + 4), picture])
    return np.pad(panel, ((0, 0), (0, _GAP), (0, 0)), constant_values=255)


def _write_gif(path, film, fps):
    """Writes a GIF; frames with few colours and without dithering take less space."""
    first, *others = [
        Image.fromarray(picture).quantize(_GIF_COLORS, dither=Image.Dither.NONE) for picture in film
    ]
    with replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=round(1000 / fps),
            loop=0,
        )
