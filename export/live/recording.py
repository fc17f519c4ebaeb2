"""Records pictures as MP4, GIF and CSV. The files are complete whenever the program ends."""

import contextlib
import csv
import fractions
import pathlib

import av
import cv2
import numpy as np
from PIL import Image

from tsm_tf.files import replacing

MP4, GIF, CSV = "stream.mp4", "stream.gif", "frames.csv"
_CLOCK = fractions.Fraction(1, 1000)  # the MP4 has times in milliseconds
_GIF_HEIGHT = 320
_GIF_COLORS = 128
_MAX_GIF_FRAMES = 240  # a GIF is for a page; the MP4 has the rest


class Recording:
    """A context that writes `stream.mp4`, `stream.gif` and `frames.csv` into a folder.

    The files get their names when the context ends, also after an error, so that a file with its
    own name is always complete. Without a frame there is no MP4 and no GIF.

    Args:
        folder: created if it does not exist.
        fps: expected number of frames per second; the files keep the frames' own times.
        columns: columns of the CSV.
    """

    def __init__(self, folder: pathlib.Path, fps: float, columns: tuple[str, ...]):
        self.folder = folder
        self.fps = fps
        self.columns = columns
        self._files = contextlib.ExitStack()
        self._video: _Video | None = None
        self._gif_frames: list[Image.Image] = []
        self._gif_times: list[float] = []

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._csv = self._open_path(CSV).open("w", newline="", encoding="utf-8")
        self._rows = csv.DictWriter(self._csv, self.columns)
        self._rows.writeheader()
        return self

    def write(self, picture: np.ndarray, seconds: float, row: dict) -> None:
        """Adds a frame.

        Args:
            picture: RGB `uint8 [H, W, 3]` of even height and width.
            seconds: time since the start.
            row: values of the CSV's columns.
        """
        if self._video is None:
            self._video = _Video(self._open_path(MP4), self.fps, *picture.shape[:2])
        self._video.write(picture, seconds)
        self._rows.writerow(row)

        if len(self._gif_frames) < _MAX_GIF_FRAMES:
            width = round(picture.shape[1] * _GIF_HEIGHT / picture.shape[0])
            small = cv2.resize(picture, (width, _GIF_HEIGHT), interpolation=cv2.INTER_AREA)
            self._gif_frames.append(_with_palette(Image.fromarray(small)))
            self._gif_times.append(seconds)

    def __exit__(self, *_):
        with self._files:  # which moves the complete files onto their names
            self._csv.close()
            if self._video is not None:
                self._video.close()
                self._write_gif()

    def _write_gif(self):
        first, *rest = self._gif_frames
        durations = (*np.diff(self._gif_times), 1 / self.fps)
        first.save(
            self._open_path(GIF),
            save_all=True,
            append_images=rest,
            duration=[round(1000 * seconds) for seconds in durations],
            loop=0,
        )

    def _open_path(self, name):
        """Returns a temporary path, which gets its name when the recording ends."""
        return self._files.enter_context(replacing(self.folder / name))


class _Video:
    """An MP4 file of H.264 that keeps the frames' own times."""

    def __init__(self, path, fps, height, width):
        rate = fractions.Fraction(fps).limit_denominator(1000)
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream(
            "libx264", rate, {"crf": "20", "preset": "veryfast"}
        )
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _CLOCK

    def write(self, picture, seconds):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = round(seconds / _CLOCK), _CLOCK
        self._container.mux(self._stream.encode(frame))

    def close(self):
        self._container.mux(self._stream.encode())
        self._container.close()


def _with_palette(picture):
    """Reduces the colours to the palette of a thumbnail.

    Computing the palette of all pixels would take longer than the time to a camera's next frame.
    """
    palette = picture.resize((picture.width // 4, picture.height // 4)).quantize(_GIF_COLORS)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
