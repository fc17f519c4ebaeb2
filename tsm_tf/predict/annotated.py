"""Writes a video with its classes and their probabilities below each picture."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from tsm_tf.camera.mp4 import Mp4File
from tsm_tf.camera.panel import GREY, Panel, fit, scaled
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.data.video import Video
from tsm_tf.predict.classes import NO_CLASS, RankedClass, rank
from tsm_tf.predict.frames import pictures
from tsm_tf.predict.predictors import Prediction
from tsm_tf.spec import ModelSpec

_MAX_BARS = 5


def file_names(videos: Sequence[Video]) -> dict[str, str]:
    """Returns a different path below the output folder for each video, by the video's name.

    Files are in the same folders as the videos, from their common folder on.
    """
    root = os.path.commonpath([os.path.dirname(video.path) for video in videos])
    found: dict[str, str] = {}
    taken: set[str] = set()

    for video in videos:
        stem = os.path.relpath(video.path, root)
        stem = stem[: -len(".mp4")] if stem.lower().endswith(".mp4") else stem
        if video.end is not None:
            stem += f"_{video.start:g}_{video.end:g}"
        name, number = f"{stem}.mp4", 2
        while name.lower() in taken:  # some systems ignore case
            name, number = f"{stem}_{number}.mp4", number + 1
        taken.add(name.lower())
        found[video.name] = name
    return found


def write_annotated(
    path: pathlib.Path,
    video: Video,
    source: Source,
    prediction: Prediction,
    spec: ModelSpec,
    status: str,
) -> None:
    """Writes an MP4 of H.264 with the frames of a video, at their times, and its classes.

    The file gets its name when it is complete. In a stream, the classes are those up to each frame.

    Args:
        path: the file; its folder is created if necessary.
        video: the video, or a segment of one.
        source: what its frames are read from.
        prediction: what the model says.
        spec: the model's spec.
        status: one short line, such as the name of the model.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: the video cannot be decoded.
        OSError: the disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    progress = ProgressLine(source.num_frames(video.path), "frames", "drawn")
    file: Mp4File | None = None
    height = width = 0

    try:
        for number, (seconds, frame) in enumerate(pictures(video, source), 1):
            classes = rank(prediction.at(seconds), spec, _MAX_BARS)
            picture = draw(frame, classes, f"{seconds:.2f} s    {status}")
            if file is None:
                height, width = picture.shape[:2]
                file = Mp4File(path, source.fps(video.path), height, width)
            file.write(fit(picture, height, width), seconds - video.start)
            if number < progress.total:
                progress.show(number)
        if file is not None:
            file.close()
            os.replace(file.temporary, path)
    finally:
        if file is not None:
            file.temporary.unlink(missing_ok=True)


def draw(frame: np.ndarray, classes: Sequence[RankedClass], status: str) -> np.ndarray:
    """Draws classes below an RGB frame: the first one, and a bar for each.

    Args:
        frame: `uint8 [H, W, 3]`.
        classes: the most probable first; none or more, of which five are drawn.
        status: one short line.

    Returns:
        `uint8 [H', W', 3]` of even height and width, which H.264 requires.
    """
    panel = Panel(scaled(frame), 70 + 25 * _MAX_BARS)
    panel.text(classes[0].name if classes else NO_CLASS, 22, 24, bold=bool(classes))
    for number, row in enumerate(classes[:_MAX_BARS]):
        panel.bar(f"{row.name}  {row.probability:.0%}", row.probability, 42 + 25 * number)
    panel.text(status, 58 + 25 * _MAX_BARS, 11, GREY)
    return np.array(panel.canvas)
