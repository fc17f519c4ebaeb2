"""Videos that arrive over the network or through a pipe, and can be read only once."""

import re
import time
from collections.abc import Generator

import av
import av.error
import numpy as np

from tsm_tf.data.resize import Resizer
from tsm_tf.data.sources.video_file import BadVideoError, demux, ffmpeg_errors

STANDARD_INPUT = "-"
_DEFAULT_FPS = 25
_PASSWORD = re.compile(r"(?<=://)[^/@]*@")


class NetworkStream:
    """Iterates over the frames of a network video, or of standard input.

    Args:
        address: a URL that FFmpeg reads (`rtsp://`, `http://`, ...), or `-` for standard input.
        timeout: seconds without a frame after which a network stream counts as broken.

    Attributes:
        name: the address without user and password.
        fps: frames per second as announced, or FFmpeg's guess.
        is_endless: whether it comes from the network and announces no length. Broken frames of
            an endless stream are left out.

    Raises:
        BadVideoError: it cannot be opened, or has no video.

    Example:
        >>> for seconds, frame in NetworkStream("rtsp://192.168.0.2/stream"):
        ...     print(seconds, frame.shape)  # frame: RGB uint8 [H, W, 3]
    """

    def __init__(self, address: str, timeout: float = 10.0):
        is_piped = address == STANDARD_INPUT
        self.name = "standard input" if is_piped else _PASSWORD.sub("", address)
        self.timeout = timeout

        with ffmpeg_errors(self.name):
            self.container = av.open(
                "pipe:0" if is_piped else address,
                timeout=None if is_piped else timeout,
                container_options=_options(address),
            )

        stream = self.container.streams.best("video")
        if not isinstance(stream, av.VideoStream):
            self.close()
            raise BadVideoError(self.name, "no video stream")

        self.stream = stream

        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or _DEFAULT_FPS)
        # Without a length, the size is None or at most 0, depending on PyAV's version.
        has_length = self.container.duration is not None or (self.container.size or 0) > 0
        self.is_endless = not is_piped and not has_length
        # Decoding several frames at once would delay each of them.
        self.stream.thread_type = "SLICE" if self.is_endless else "AUTO"

    def __iter__(self) -> Generator[tuple[float, np.ndarray], None, None]:
        """Yields frames with their times in seconds after the first."""
        resizer, number, first = Resizer(), 0, None
        last_arrival = time.monotonic()

        for packet in demux(self.name, self.container, self.stream):
            if self.is_endless and time.monotonic() - last_arrival > self.timeout:
                raise BadVideoError(self.name, f"no frame for {self.timeout:g} s")

            for frame in self._decode(packet):
                seconds = number / self.fps if frame.time is None else frame.time
                first = seconds if first is None else first
                yield seconds - first, resizer.to_rgb(frame)
                number, last_arrival = number + 1, time.monotonic()

        if first is None:
            raise BadVideoError(self.name, "no frames")

    def close(self) -> None:
        """Closes the connection."""
        self.container.close()

    def _decode(self, packet):
        with ffmpeg_errors(self.name):
            try:
                return packet.decode()
            except av.error.InvalidDataError:
                if not self.is_endless:
                    raise
        return []  # for example, what comes before the first key frame


def _options(address):
    # Over UDP, lost packets break the picture.
    return {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
