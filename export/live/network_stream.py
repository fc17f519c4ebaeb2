"""Videos that come over the network or through a pipe."""

import re
import time
from collections.abc import Iterator

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from tsm_tf.data.sources.video_file import BadVideoError, _naming, _packets, _to_rgb


class Stream:
    """A video that comes over the network or through a pipe; its frames can be read once.

    Args:
        address: a URL that FFmpeg reads (`rtsp://`, `http://`, ...), or `-` for standard input.
        timeout: after so many seconds without a frame, a stream from the network counts as broken.

    Attributes:
        name: the address without a password.
        fps: frames per second as announced, or FFmpeg's guess.
        is_endless: it comes from the network and does not say how long it is; its broken frames are left out.

    Raises:
        BadVideoError: it cannot be opened, or has no video.

    Example:
        >>> for seconds, frame in Stream("rtsp://192.168.0.2/stream"):  # uint8 [H, W, 3] RGB, and its own time
    """

    def __init__(self, address: str, timeout: float = 10.0):
        self.name = "standard input" if address == "-" else re.sub(r"(?<=://)[^/@]*@", "", address)
        self.timeout = timeout
        options = (
            {"rtsp_transport": "tcp"} if address.startswith("rtsp") else {}
        )  # by UDP, pictures break when packets are lost
        with _naming(self.name):
            source = "pipe:0" if address == "-" else address
            self.container = av.open(
                source, timeout=None if address == "-" else timeout, container_options=options
            )
        self.stream = self.container.streams.best("video")
        if self.stream is None:
            self.close()
            raise BadVideoError(self.name, "no video stream")
        self.fps = float(self.stream.average_rate or self.stream.guessed_rate or 25)
        self.is_endless = (
            address != "-" and self.container.duration is None and self.container.size <= 0
        )
        self.stream.thread_type = (
            "SLICE" if self.is_endless else "AUTO"
        )  # threads of frames hold frames back

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        reformatter, number, first, seen = VideoReformatter(), 0, None, time.monotonic()
        for packet in _packets(self.name, self.container, self.stream):
            if self.is_endless and time.monotonic() - seen > self.timeout:
                raise BadVideoError(self.name, f"no frame for {self.timeout:g} s")
            for frame in self._decoded(packet):
                at = number / self.fps if frame.time is None else frame.time
                first = at if first is None else first
                yield at - first, _to_rgb(reformatter, frame, None)
                number, seen = number + 1, time.monotonic()
        if first is None:
            raise BadVideoError(self.name, "no frames")

    def _decoded(self, packet):
        with _naming(self.name):
            try:
                return packet.decode()
            except av.error.InvalidDataError:
                if not self.is_endless:
                    raise
        return []  # such as what comes before the first key frame of a stream that one joins

    def close(self) -> None:
        """Closes the connection."""
        self.container.close()
