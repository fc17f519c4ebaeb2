"""Sources of frames: cameras, files, the network, standard input."""

import re
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np

from export.live.frame_clock import at_natural_speed
from export.live.network_stream import STANDARD_INPUT, NetworkStream
from tsm_tf.camera.capture import Camera, Capture, Frames
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import iterate_frames
from tsm_tf.errors import InputError

# Seconds until a dropped source is opened again; doubled after each failure.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


class FrameSource(NamedTuple):
    """Frames from a camera or a video.

    Attributes:
        frames: the frames.
        fps: frames per second.
        is_live: whether it has no end.
    """

    frames: Frames
    fps: float
    is_live: bool


def reconnecting(
    opened: Any,
    open_again: Callable[[], Any],
    stop: threading.Event,
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yields the frames of a live source with their times of arrival, and reopens it if it drops.

    It prints a line when the source drops and when it is back.

    Args:
        opened: a `Camera` or a `NetworkStream`.
        open_again: opens another one; an `InputError` means that the source is not back yet.
        stop: ends the iteration when it is set.
    """
    started, wait, source = time.monotonic(), _FIRST_WAIT, opened
    while not stop.is_set():
        reason = "it ended"
        try:
            source = source or open_again()
            for _, frame in source:
                if wait > _FIRST_WAIT:
                    print(f"{opened.name} is back", flush=True)
                    wait = _FIRST_WAIT
                yield time.monotonic() - started, frame
        except InputError as error:
            reason = getattr(error, "reason", str(error))
        finally:
            if source:
                source.close()
        source = None
        if stop.is_set():
            return
        print(f"{opened.name} dropped ({reason}); trying again in {wait:g} s", flush=True)
        stop.wait(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def open_source(
    video: str | None,
    camera: str | None,
    show: bool,
    stop: threading.Event,
    keep_damaged: bool = False,
) -> FrameSource:
    """Opens the source of the frames.

    Cameras and endless network streams are read in a thread that keeps the newest frame, and are
    reopened if they drop. A file yields every frame, unless it is shown: then it plays at its own
    speed, like a live source.

    Args:
        video: a path, a URL, or `-` for standard input.
        camera: a number or a path, instead of `video`.
        show: whether the frames are shown to a viewer.
        stop: ends the frames when it is set.
        keep_damaged: whether damaged pictures of a file are used as far as they can be decoded.
            Otherwise, the first one is an error. Live sources leave them out.

    Raises:
        FileNotFoundError: no such file.
        InputError: a source that cannot be opened, or `keep_damaged` for one that is not a file.
    """
    is_file = video is not None and video != STANDARD_INPUT and not _URL.match(video)
    if keep_damaged and not is_file:
        source = f"camera {camera}" if video is None else video
        raise InputError("keep_damaged", "must be given only for a video file", source)

    if camera is not None:
        return _live(Camera(camera), lambda: Camera(camera), stop)
    if video is None:
        raise InputError("video", "must be given, or a camera", video)

    if video == STANDARD_INPUT:
        if sys.stdin.isatty():
            raise InputError("video", "must be piped in when it is standard input", video)
        source = NetworkStream(video)
        return FrameSource(Capture(iter(source), stop, newest_wins=False), source.fps, False)

    if not is_file:
        source = NetworkStream(video)
        if source.is_endless:
            return _live(source, lambda: NetworkStream(video), stop)
        frames, fps = iter(source), source.fps
    else:
        frames = iterate_frames(video, keeps_damaged=keep_damaged)
        fps = probe(video, keep_damaged).fps

    if show:
        frames = Capture(at_natural_speed(frames), stop, newest_wins=True)
    return FrameSource(frames, fps, False)


def _live(source, open_again, stop):
    frames = Capture(reconnecting(source, open_again, stop), stop, newest_wins=True)
    return FrameSource(frames, source.fps, True)
