"""Annotated frames to files: MP4, GIF and CSV that are whole whenever the program ends."""

import csv
import fractions
import os
import pathlib

import av
import cv2
import numpy as np
from PIL import Image

MIN_HEIGHT = 320  # smaller videos are enlarged to it, so that the text can be read
_GIF_HEIGHT = 240
_GIF_FRAMES = 240
_TOP = 3


def annotate(
    frame: np.ndarray, shown: str, labels: tuple[str, ...], probabilities: np.ndarray, status: str
) -> np.ndarray:
    """Draws the shown class, bars of the three likeliest, and a status line under an RGB frame.

    Args:
        frame: `uint8 [H, W, 3]`.
        shown: what the smoothing says.
        labels, probabilities: of this frame.
        status: one short line, such as the latency.

    Returns:
        `uint8 [H', W', 3]` of even height and width.
    """
    height, width = frame.shape[:2]
    scale = max(1.0, MIN_HEIGHT / height)
    width, height = (round(side * scale / 2) * 2 for side in (width, height))
    picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
    panel = np.full((118, width, 3), 24, np.uint8)
    _text(panel, shown, (10, 28), 0.8, (255, 255, 255), 2)
    for row, i in enumerate(np.argsort(-probabilities)[:_TOP]):
        top = 40 + 20 * row
        cv2.rectangle(panel, (10, top), (10 + int((width - 20) * probabilities[i]), top + 16), (40, 110, 170), -1)
        _text(panel, f"{labels[i]}  {probabilities[i]:.0%}", (14, top + 12), 0.42, (235, 235, 235), 1)
    _text(panel, status, (10, 112), 0.38, (170, 170, 170), 1)
    return np.concatenate([picture, panel])


def _text(picture, text, at, size, color, thickness):
    ascii_text = text.encode("ascii", "replace").decode()  # OpenCV's fonts have no other letters
    cv2.putText(picture, ascii_text, at, cv2.FONT_HERSHEY_SIMPLEX, size, color, thickness, cv2.LINE_AA)


class Recording:
    """A folder with `stream.mp4`, `stream.gif` and `frames.csv`; use it as a context, and it closes them whole.

    Args:
        folder: made where it does not exist; must hold none of the three files.
        fps: of the video and the GIF.
        columns: of the CSV.
    """

    def __init__(self, folder: pathlib.Path, fps: float, columns: tuple[str, ...]):
        self.folder = folder
        self.fps = fps
        self.columns = columns
        self.gif_frames = []
        self.written = 0
        self.stream = None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.folder / "frames.csv").open("w", newline="", encoding="utf-8")
        self.rows = csv.DictWriter(self.file, self.columns)
        self.rows.writeheader()
        self.container = av.open(str(self.folder / "stream.mp4"), "w")
        return self

    def write(self, frame: np.ndarray, row: dict) -> None:
        """Adds one annotated RGB frame and its row."""
        if self.stream is None:
            rate = fractions.Fraction(self.fps).limit_denominator(1000)
            self.stream = self.container.add_stream("libx264", rate, {"crf": "23", "preset": "veryfast"})
            self.stream.height, self.stream.width = frame.shape[:2]
            self.stream.pix_fmt = "yuv420p"
        self.container.mux(self.stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        self.rows.writerow(row)
        self.written += 1
        if len(self.gif_frames) < _GIF_FRAMES:
            size = (round(frame.shape[1] * _GIF_HEIGHT / frame.shape[0]), _GIF_HEIGHT)
            small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            self.gif_frames.append(Image.fromarray(small).quantize(128))

    def __exit__(self, *_):
        self.file.close()
        if self.stream is not None:
            self.container.mux(self.stream.encode())
        self.container.close()
        if self.gif_frames:
            path, temporary = self.folder / "stream.gif", self.folder / ".writing.gif"
            first, *rest = self.gif_frames
            first.save(temporary, save_all=True, append_images=rest, duration=round(1000 / self.fps), loop=0)
            os.replace(temporary, path)
        else:
            (self.folder / "stream.mp4").unlink(missing_ok=True)  # a video without frames is no file that plays
