"""Pictures to files: MP4, GIF and CSV that are whole whenever the program ends."""

import csv
import fractions
import os
import pathlib

import av
import cv2
import numpy as np
from PIL import Image

MP4, GIF, CSV = "stream.mp4", "stream.gif", "frames.csv"
_CLOCK = fractions.Fraction(1, 1000)  # the MP4 keeps the frames' own times, in milliseconds
_GIF_HEIGHT = 320
_GIF_COLORS = 128
_GIF_FRAMES = 240  # the first so many; a GIF is for a page, the MP4 for the rest


class Recording:
    """A folder with `stream.mp4`, `stream.gif` and `frames.csv`; use it as a context, and it closes them whole.

    Until then the files have other names, so that one with its own name is always whole. Without a frame there is no
    MP4 and no GIF.

    Args:
        folder: made where it does not exist.
        fps: frames per second to expect; the files keep the frames' own times.
        columns: of the CSV.
    """

    def __init__(self, folder: pathlib.Path, fps: float, columns: tuple[str, ...]):
        self.folder = folder
        self.fps = fps
        self.columns = columns
        self.stream = None
        self.gif_frames, self.gif_times = [], []

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self._temporary(CSV).open("w", newline="", encoding="utf-8")
        self.rows = csv.DictWriter(self.file, self.columns)
        self.rows.writeheader()
        return self

    def write(self, picture: np.ndarray, seconds: float, row: dict) -> None:
        """Adds one RGB picture `uint8 [H, W, 3]` of even sides, its time from the start, and its row."""
        if self.stream is None:
            self.container = av.open(str(self._temporary(MP4)), "w")
            rate = fractions.Fraction(self.fps).limit_denominator(1000)
            self.stream = self.container.add_stream(
                "libx264", rate, {"crf": "20", "preset": "veryfast"}
            )
            self.stream.height, self.stream.width = picture.shape[:2]
            self.stream.pix_fmt = "yuv420p"
            self.stream.codec_context.time_base = _CLOCK
            self.gif_size = (round(picture.shape[1] * _GIF_HEIGHT / picture.shape[0]), _GIF_HEIGHT)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(seconds / _CLOCK), _CLOCK
        self.container.mux(self.stream.encode(frame))
        self.rows.writerow(row)
        if len(self.gif_frames) < _GIF_FRAMES:
            small = cv2.resize(picture, self.gif_size, interpolation=cv2.INTER_AREA)
            self.gif_frames.append(_with_palette(Image.fromarray(small)))
            self.gif_times.append(seconds)

    def __exit__(self, *_):
        self.file.close()
        self._finish(CSV)
        if self.stream is None:
            return
        self.container.mux(self.stream.encode())
        self.container.close()
        self._finish(MP4)
        first, *rest = self.gif_frames
        milliseconds = [round(1000 * d) for d in (*np.diff(self.gif_times), 1 / self.fps)]
        first.save(
            self._temporary(GIF), save_all=True, append_images=rest, duration=milliseconds, loop=0
        )
        self._finish(GIF)

    def _temporary(self, name):
        return self.folder / f".writing.{name}"

    def _finish(self, name):
        os.replace(self._temporary(name), self.folder / name)


def _with_palette(picture):
    """The palette of a thumbnail: to look for one in every pixel takes longer than a camera's next frame."""
    palette = picture.resize((picture.width // 4, picture.height // 4)).quantize(_GIF_COLORS)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
