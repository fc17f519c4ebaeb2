"""Records pictures as MP4, GIF and CSV. The files are whole, however the program ends."""

import contextlib
import csv
import os
import pathlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from tsm_tf.camera.mp4 import Mp4File
from tsm_tf.camera.panel import fit
from tsm_tf.errors import InputError
from tsm_tf.files import unfinished_path

MP4, GIF, CSV = "stream.mp4", "stream.gif", "frames.csv"
BOXES_CSV = "detections.csv"
_GIF_HEIGHT = 320
_GIF_COLORS = 128
_MAX_GIF_FRAMES = 240  # a GIF is for a page; the MP4 has the rest
_MAX_GIF_DURATION = 600_000  # milliseconds per frame; the format has 16 bits for 1/100 s


class Recording:
    """A context that writes `stream.mp4`, `stream.gif` and `frames.csv` into a folder.

    For detectors, `detections.csv` has a row per box.

    The files get their names when the context ends, also after an error, so that a file with its
    own name is always whole. Without a frame there is no MP4 and no GIF. If the disk becomes full,
    the fragments of the MP4 that were written before are kept, and the rows. If there are none,
    nothing is left behind.

    Args:
        folder: created if it does not exist.
        fps: expected number of frames per second; the files keep the frames' own times.
        columns: columns of the CSV with a row per frame.
        box_columns: columns of the CSV with a row per box; empty without boxes.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        fps: float,
        columns: tuple[str, ...],
        box_columns: tuple[str, ...] = (),
    ):
        self.folder = folder
        self.fps = fps
        self.columns = columns
        self.box_columns = box_columns
        self._shape: tuple[int, int] | None = None
        self._files: list[_Rows | Mp4File | _Gif] = []
        self._error: OSError | None = None

    def __enter__(self):
        self._is_new = not self.folder.exists()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, columns in ((CSV, self.columns), (BOXES_CSV, self.box_columns)):
                if columns:
                    self._files.append(_Rows(self.folder / name, columns))
        except OSError as error:
            self._error = error
            self._finish()
        return self

    def write(
        self,
        picture: np.ndarray,
        seconds: float,
        row: dict,
        box_rows: Sequence[dict] = (),
    ) -> None:
        """Adds a frame.

        Args:
            picture: RGB `uint8 [H, W, 3]` of even height and width. Pictures of another size than
                the first one are scaled to fit into it.
            seconds: time since the start.
            row: values of the columns of the frames' CSV.
            box_rows: values of the columns of the boxes' CSV.
        """
        if self._shape is None:
            self._shape = picture.shape[0], picture.shape[1]
            self._files.append(Mp4File(self.folder / MP4, self.fps, *self._shape))
            self._files.append(_Gif(self.folder / GIF, self.fps))

        picture = fit(picture, *self._shape)
        try:
            for file in self._files:
                if isinstance(file, _Rows):
                    for values in (row,) if file.path.name == CSV else box_rows:
                        file.write(values)
                else:
                    file.write(picture, seconds)
        except OSError as error:
            self._error = error
            raise

    def __exit__(self, kind, error, trace):
        if error is None or error is self._error:
            self._finish()
        else:  # the error of the frames is the one to report
            with contextlib.suppress(InputError):
                self._finish()

    def _finish(self):
        """Closes the files and gives them their names; removes those that hold nothing."""
        for file in self._files:
            try:
                file.close()
            except OSError as error:
                self._error = self._error or error

        whole = [file for file in self._files if file.trim()]
        if self._error is not None and not any(isinstance(file, Mp4File) for file in whole):
            whole = []  # without the video, the rows are of no use
        for file in self._files:
            if file in whole:
                os.replace(file.temporary, file.path)
            file.temporary.unlink(missing_ok=True)

        if self._error is not None:
            if self._is_new and not whole:
                with contextlib.suppress(OSError):
                    self.folder.rmdir()
            kept = ", ".join(file.path.name for file in whole)
            rule = f"must be writable and have free space ({self._error}); " + (
                f"what was recorded before was kept: {kept}" if kept else "nothing was recorded"
            )
            raise InputError("output", rule, str(self.folder)) from self._error


class _Rows:
    """The CSV file. Each row is written to the disk's cache at once, so that a kill loses none."""

    def __init__(self, path, columns):
        self.path, self.temporary = path, unfinished_path(path)
        self._file = self.temporary.open("w", newline="", encoding="utf-8", buffering=1)
        self._writer = csv.DictWriter(self._file, columns)
        try:
            self._writer.writeheader()
        except OSError:
            self.close()
            self.temporary.unlink(missing_ok=True)
            raise

    def write(self, row):
        self._writer.writerow(row)

    def close(self):
        self._file.close()

    def trim(self):
        """Removes a row that was cut off. Returns whether the file is worth keeping."""
        content = self.temporary.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self.temporary, len(whole))
        return True


class _Gif:
    """The first frames as a GIF, which is written at the end."""

    def __init__(self, path, fps):
        self.path, self.temporary = path, unfinished_path(path)
        self.fps = fps
        self._frames: list[Image.Image] = []
        self._times: list[float] = []
        self._is_whole = False

    def write(self, picture, seconds):
        if len(self._frames) == _MAX_GIF_FRAMES:
            return
        width = max(1, round(picture.shape[1] * _GIF_HEIGHT / picture.shape[0]))
        small = cv2.resize(picture, (width, _GIF_HEIGHT), interpolation=cv2.INTER_AREA)
        self._frames.append(_with_palette(Image.fromarray(small)))
        self._times.append(seconds)

    def close(self):
        if not self._frames:
            return
        first, *rest = self._frames
        seconds = (*np.diff(self._times), 1 / self.fps)
        first.save(
            self.temporary,
            format="GIF",
            save_all=True,
            append_images=rest,
            duration=[min(max(0, round(1000 * s)), _MAX_GIF_DURATION) for s in seconds],
            loop=0,
        )
        self._is_whole = True

    def trim(self):
        """Returns whether the file is whole."""
        return self._is_whole


def _with_palette(picture):
    """Reduces the colours to the palette of a thumbnail.

    Computing the palette of all pixels would take longer than the time to a camera's next frame.
    """
    palette = picture.resize((picture.width // 4, picture.height // 4)).quantize(_GIF_COLORS)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)
