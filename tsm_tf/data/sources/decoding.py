"""Decodes the frames of an opened video file, within bounds on time, and watches for damage."""

import os
import time
from collections.abc import Callable, Iterator

import av
import av.container
import av.error

from tsm_tf.data.sources.bad_video import BadVideoError, ffmpeg_errors

# Seconds of decoding per file: ample for real videos, however they are encoded, and an end for
# small files that claim to hold millions of frames.
_LEAST_SECONDS, _BYTES_PER_SECOND = 10.0, 20_000


class Decoder:
    """Decodes the frames of a stream in the order of their presentation.

    Args:
        path: the file, for its size and for errors.
        keeps_damaged: whether pictures with errors are yielded as far as they could be decoded.
            Otherwise, the first one is an error.
        clock: measures processor time in seconds; by default that of this thread. Decoding takes
            too long only if it does by this clock too, so that a busy machine is no reason.

    Attributes:
        damaged: number of pictures with errors so far: those that were yielded nevertheless, and
            packets of which nothing could be decoded.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        keeps_damaged: bool = False,
        clock: Callable[[], float] = time.thread_time,
    ):
        self.path = path
        self.keeps_damaged = keeps_damaged
        self.damaged = 0
        self._clock = clock

    def frames(
        self,
        container: av.container.InputContainer,
        stream: av.VideoStream,
    ) -> Iterator[av.VideoFrame]:
        """Yields frames.

        Raises:
            BadVideoError: the file is broken, a picture is damaged, or decoding takes too long.
        """
        limit = _LEAST_SECONDS + os.path.getsize(self.path) / _BYTES_PER_SECOND
        number, spent, begun = 0, 0.0, self._clock()

        with ffmpeg_errors(self.path):
            packets = container.demux(stream)
            # In transport streams, packets are marked where two recordings were joined.
            marks_damage = container.format.name != "mpegts"
            while True:
                started = time.monotonic()
                packet = next(packets, None)
                frames = [] if packet is None else self._decode(packet)
                spent += time.monotonic() - started

                if spent > limit and self._clock() - begun > limit:
                    reason = f"{number} frames took {spent:.0f} s to decode, for so small a file"
                    raise BadVideoError(self.path, reason)

                is_cut = packet is not None and packet.is_corrupt and marks_damage
                for frame in frames:
                    if frame.is_corrupt or is_cut:
                        self._count_damage(f"picture {number} is damaged")
                    number += 1
                    yield frame
                if packet is None:
                    return

    def _decode(self, packet):
        try:
            return decode_packet(packet)
        except av.error.InvalidDataError as error:
            self._count_damage(error.strerror)
            return []

    def _count_damage(self, reason):
        self.damaged += 1
        if not self.keeps_damaged:
            raise BadVideoError(self.path, reason)


def decode_packet(packet: av.Packet) -> list[av.VideoFrame]:
    """Returns the frames that a packet completes; raises PyAV's own errors.

    An empty packet repeats the picture before it (Theora, AVI) and completes none. PyAV would take
    it for the end of the stream, which is a packet without times.
    """
    if not packet.size and (packet.pts is not None or packet.dts is not None):
        return []
    return packet.decode()
