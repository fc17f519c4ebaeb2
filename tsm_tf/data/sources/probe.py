"""Counts the frames of a video file and finds their times, without decoding them if possible."""

import os
from typing import NamedTuple

import numpy as np

from tsm_tf.data.sources.bad_video import BadVideoError, ffmpeg_errors
from tsm_tf.data.sources.decoding import Decoder
from tsm_tf.data.sources.frame_times import FrameClock, SteadyClock
from tsm_tf.data.sources.opening import HIGHEST_FPS, has_presentation_times, nominal_fps, open_video

# In these, the packets of a file that starts with a key frame are its pictures, one each.
_COUNTABLE_CONTAINERS = {"mp4", "matroska", "avi"}
_COUNTABLE_CODECS = {
    *("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "png", "prores", "dnxhd", "dvvideo"),
    *("ffv1", "huffyuv", "ffvhuff", "utvideo", "rawvideo"),
}
_EMPTY_PICTURE = 8  # bytes; a smaller packet of MPEG-4 may be a placeholder without a picture


class VideoInfo(NamedTuple):
    """What `probe` finds out.

    Attributes:
        num_frames: number of frames that a player shows.
        fps: frames per second; the mean if the rate varies.
        duration: seconds.
        width: pixels as stored, before rotation.
        height: pixels as stored, before rotation.
    """

    num_frames: int
    fps: float
    duration: float
    width: int
    height: int


def probe(path: str | os.PathLike, keeps_damaged: bool = False) -> VideoInfo:
    """Counts the frames of a video that can be decoded.

    Most files are not decoded for it: their packets are counted. Some formats have no count in the
    header, and in others it is wrong.

    Args:
        path: the file.
        keeps_damaged: whether pictures behind a damaged one are used. They can be counted only by
            decoding.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file has no video, or no frame.
    """
    with open_video(path) as (container, stream):
        times = _times(path, container, stream, keeps_damaged)
        step = 1 / nominal_fps(stream)
        if len(times) > 1:
            step = float(times[-1]) / (len(times) - 1) or step
        if 1 / step > HIGHEST_FPS:
            raise BadVideoError(
                path, f"{1 / step:,.0f} frames per second, of at most {HIGHEST_FPS:,.0f}"
            )

        return VideoInfo(
            num_frames=len(times),
            fps=1 / step,
            duration=len(times) * step,
            width=stream.width,
            height=stream.height,
        )


def frame_times(path: str | os.PathLike, keeps_damaged: bool = False) -> np.ndarray:
    """Returns the times of a video's frames in seconds after the first, `float64 [num_frames]`.

    They never step back; see `tsm_tf.data.sources.frame_times`. The arguments are those of `probe`.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: the file has no video, or no frame.
    """
    with open_video(path) as (container, stream):
        return _times(path, container, stream, keeps_damaged)


def _times(path, container, stream, keeps_damaged):
    """Returns the times of all frames, from the packets if they tell, else by decoding."""
    if not keeps_damaged:
        with ffmpeg_errors(path):
            packets = [_PacketHeader.of(packet) for packet in container.demux(stream)]
            times = _packet_times(packets, container, stream)
        if times is not None:
            return times

    # Pictures before the first key frame, of open GOPs or without content are not decoded, so only
    # a decoder can count. Damage is for those who read the pictures.
    decoder = Decoder(path, keeps_damaged=True)
    with open_video(path) as (container, stream):
        stream.codec_context.thread_count = 1
        clock = FrameClock(1 / nominal_fps(stream), has_presentation_times(container))
        times = [clock.at(frame) for frame in decoder.frames(container, stream)]
    if not times:
        raise BadVideoError(path, "no frames")
    return np.array(times)


class _PacketHeader(NamedTuple):
    pts: int | None
    dts: int | None
    size: int
    is_keyframe: bool
    is_damaged: bool
    is_hidden: bool

    @classmethod
    def of(cls, packet):
        return cls(
            packet.pts,
            packet.dts,
            packet.size,
            packet.is_keyframe,
            packet.is_corrupt,
            packet.is_discard,
        )


def _packet_times(packets, container, stream):
    """Returns the times of the packets, or None if these may differ from those of the frames."""
    codec = stream.codec_context.codec.canonical_name
    formats = set(container.format.name.split(","))
    if codec not in _COUNTABLE_CODECS or not formats & _COUNTABLE_CONTAINERS:
        return None

    *packets, end = packets
    shown = [packet for packet in packets if not packet.is_hidden]
    smallest = _EMPTY_PICTURE if codec == "mpeg4" else 1
    if not shown or end.size or not packets[0].is_keyframe:
        return None
    if any(packet.size < smallest or packet.is_damaged for packet in packets):
        return None

    kind = "pts" if has_presentation_times(container) else "dts"
    ticks = [getattr(packet, kind) for packet in packets]
    order = [packet.dts for packet in packets if packet.dts is not None]
    if None in ticks or order != sorted(order) or len(set(ticks)) < len(ticks):
        return None
    if min(ticks) < ticks[0]:  # pictures that need one before the first key frame
        return None

    seconds = np.sort([getattr(packet, kind) for packet in shown]) * float(stream.time_base)
    clock = SteadyClock(1 / nominal_fps(stream), warns=False)
    times = np.array([clock.at(time) for time in seconds.tolist()])
    return times - times[0]
