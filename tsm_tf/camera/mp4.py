"""MP4 files that are whole up to their last fragment, however the program ends."""

import fractions
import os
import pathlib

import av
import numpy as np

from tsm_tf.files import unfinished_path

_CLOCK = fractions.Fraction(1, 1000)  # the MP4 has times in milliseconds

# Each fragment has its own index, so those before a full disk can be played.
_FRAGMENTS = {
    "movflags": "empty_moov+delay_moov+default_base_moof",
    "frag_duration": "1000000",  # microseconds
}


class Mp4File:
    """A fragmented MP4 file of H.264 that keeps the frames' own times.

    It is written to a temporary file beside `path`, which the caller moves to `path` once `close`
    and `trim` were called, or removes.

    Args:
        path: where the file will be.
        fps: expected number of frames per second.
        height: even number of rows.
        width: even number of columns.

    Attributes:
        path: where the file will be.
        temporary: where it is.

    Raises:
        OSError: from any method, if the disk is full or the folder cannot be written.
    """

    def __init__(self, path: pathlib.Path, fps: float, height: int, width: int):
        self.path, self.temporary = path, unfinished_path(path)
        rate = fractions.Fraction(fps).limit_denominator(1000)
        self._container = av.open(str(self.temporary), "w", format="mp4", options=_FRAGMENTS)
        self._stream = self._container.add_stream(
            "libx264", rate, {"crf": "20", "preset": "veryfast"}
        )
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = _CLOCK
        self._next_pts = 0
        self._is_broken = False

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """Adds an RGB frame `uint8 [height, width, 3]`; `seconds` is its time."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = max(round(seconds / _CLOCK), self._next_pts), _CLOCK
        self._next_pts = frame.pts + 1  # the format requires increasing times
        self._mux(self._stream.encode(frame))

    def _mux(self, packets):
        # PyAV crashes if it has to write after its header could not be written.
        if not self._is_broken:
            self._is_broken = True
            self._container.mux(packets)
            self._is_broken = False

    def close(self) -> None:
        """Writes what the encoder still holds, and closes the file."""
        try:
            self._mux(self._stream.encode())
        finally:
            self._container.close()

    def trim(self) -> bool:
        """Removes a fragment that was cut off. Returns whether there is a whole one."""
        if not self.temporary.exists():
            return False
        end, has_frames = _end_of_fragments(self.temporary)
        if end < self.temporary.stat().st_size:
            os.truncate(self.temporary, end)
        return has_frames


def _end_of_fragments(path):
    """Returns where the last whole box of an MP4 file ends, and whether it has any frames.

    A file is a sequence of boxes: a size, a type, and content. A fragment is a `moof`, which is the
    index, and an `mdat`, which holds the frames.
    """
    size, start, end, has_frames = path.stat().st_size, 0, 0, False
    with path.open("rb") as file:
        while start + 16 <= size:
            file.seek(start)
            header = file.read(16)
            length, kind = int.from_bytes(header[:4]), header[4:8]
            if length == 1:  # a larger size follows
                length = int.from_bytes(header[8:])
            start += length
            if length < 8 or start > size:
                break
            if kind != b"moof":
                end = start
            has_frames = has_frames or kind == b"mdat"
    return end, has_frames
