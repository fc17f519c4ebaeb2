"""Videos that arrive over the network or through a pipe, and can be read only once."""

import re
import time
from collections.abc import Generator

import av
import av.error
import av.stream
import numpy as np

from tsm_tf.data.resize import Resizer
from tsm_tf.data.sources.bad_video import BadVideoError, ffmpeg_errors
from tsm_tf.data.sources.decoding import decode_packet
from tsm_tf.data.sources.frame_times import FrameClock
from tsm_tf.data.sources.kinds import CONTAINERS
from tsm_tf.data.sources.opening import (
    IGNORE_BAD_METADATA,
    container_options,
    find_film,
    has_presentation_times,
    nominal_fps,
)
from tsm_tf.errors import InputError

STANDARD_INPUT = "-"

_HTTP = "http,https,httpproxy,tcp,tls,crypto"
_RTSP = "rtsp,rtsps,rtp,srtp,udp,tcp,tls"
_RTMP = "rtmp,rtmps,rtmpt,rtmpts,http,https,tcp,tls"
_PROTOCOLS = {
    # scheme of an address: what FFmpeg may use for it
    "http": _HTTP,
    "https": _HTTP,
    "rtsp": _RTSP,
    "rtsps": _RTSP,
    "rtmp": _RTMP,
    "rtmps": _RTMP,
    "rtp": "rtp,udp",
    "udp": "udp",
    "tcp": "tcp",
    "srt": "srt",
    "file": "file",
}
_NETWORK_FORMATS = ("hls", "rtsp", "rtp", "sdp")
_PASSWORD = re.compile(r"(?<=://)[^/@]*@")


class NetworkStream:
    """Iterates over the frames of a network video, or of standard input.

    What arrives can make FFmpeg open other addresses only with the protocols that belong to the
    scheme of the address, and no file. Standard input can make it open nothing.

    Args:
        address: a URL of a known scheme (`rtsp://`, `http://`, ...), or `-` for standard input.
        timeout: seconds without a frame after which a network stream counts as broken.

    Attributes:
        name: the address without user and password.
        fps: frames per second as announced, or FFmpeg's guess.
        is_endless: whether it comes from the network and announces no length. Broken frames of
            an endless stream are left out.

    Raises:
        InputError: an unknown scheme.
        BadVideoError: it cannot be opened, or has no video.

    Example:
        >>> for seconds, frame in NetworkStream("rtsp://192.168.0.2/stream"):
        ...     print(seconds, frame.shape)  # frame: RGB uint8 [H, W, 3]
    """

    def __init__(self, address: str, timeout: float = 10.0):
        is_piped = address == STANDARD_INPUT
        self.name = "standard input" if is_piped else _PASSWORD.sub("", address)
        self.timeout = timeout

        options = _options(address)
        with ffmpeg_errors(self.name):
            self.container = av.open(
                "pipe:0" if is_piped else address,
                timeout=None if is_piped else timeout,
                container_options=options,
                **IGNORE_BAD_METADATA,
            )
            try:
                self.stream = find_film(self.name, self.container)
            except BaseException:
                self.close()
                raise

        self.fps = nominal_fps(self.stream)
        # Without a length, the size is None or at most 0, depending on PyAV's version.
        has_length = self.container.duration is not None or (self.container.size or 0) > 0
        self.is_endless = not is_piped and not has_length
        # Decoding several frames at once would delay each of them.
        self.stream.thread_type = "SLICE" if self.is_endless else "AUTO"

    def __iter__(self) -> Generator[tuple[float, np.ndarray], None, None]:
        """Yields frames with their times in seconds after the first."""
        resizer, is_empty, last_arrival = Resizer(), True, time.monotonic()
        clock = FrameClock(1 / self.fps, has_presentation_times(self.container), warns=True)

        with ffmpeg_errors(self.name):
            for packet in self.container.demux(self.stream):
                if self.is_endless and time.monotonic() - last_arrival > self.timeout:
                    raise BadVideoError(self.name, f"no frame for {self.timeout:g} s")

                for frame in self._decode(packet):
                    yield clock.at(frame), resizer.to_rgb(frame)
                    is_empty, last_arrival = False, time.monotonic()

        if is_empty:
            raise BadVideoError(self.name, "no frames")

    def close(self) -> None:
        """Closes the connection."""
        self.container.close()

    def _decode(self, packet):
        try:
            return decode_packet(packet)
        except av.error.InvalidDataError:
            if not self.is_endless:
                raise
        return []  # for example, what comes before the first key frame


def _options(address):
    if address == STANDARD_INPUT:
        return {**container_options(), "protocol_whitelist": "pipe"}

    scheme = address.partition(":")[0].lower()
    if scheme not in _PROTOCOLS:
        known = ", ".join(f"{name}://" for name in _PROTOCOLS)
        raise InputError("video", f"must be a file, or begin with one of {known}", scheme)

    options = {**container_options(), "protocol_whitelist": _PROTOCOLS[scheme]}
    if scheme != "file":
        options["format_whitelist"] = ",".join((*sorted(CONTAINERS), *_NETWORK_FORMATS))
    if _PROTOCOLS[scheme] == _RTSP:
        options["rtsp_transport"] = "tcp"  # over UDP, lost packets break the picture
    return options
