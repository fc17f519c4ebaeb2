"""Runs a recording session: frames from a camera or a file, and a window or the terminal."""

import contextlib
import threading
from typing import NamedTuple

import numpy as np

from tsm_tf.camera import window
from tsm_tf.camera.capture import Camera, Capture, Frames
from tsm_tf.camera.panel import GREY, Panel, scaled
from tsm_tf.data.record.session import RecordingSession
from tsm_tf.data.sources.probe import probe
from tsm_tf.data.sources.video_file import iterate_frames

_HEIGHT = 96  # of the panel, for a picture of 320 rows
_KEYS = "space: start or pause    r: take the last clip again    q: quit"


class Source(NamedTuple):
    """Where frames come from.

    Attributes:
        frames: pairs of a time in seconds and an RGB frame.
        fps: frames per second.
        name: for messages.
    """

    frames: Frames
    fps: float
    name: str

    def close(self) -> None:
        """Releases the camera or the file."""
        self.frames.close()


def open_camera(camera: str, video: str | None) -> Source:
    """Opens a camera, or a video file in its place.

    Frames that a camera delivers while one is being written are left out; times stay true.

    Raises:
        InputError: the camera cannot be opened, or the file is not a video.
        MissingFile: there is no such file.
    """
    if video is not None:
        return Source(iterate_frames(video), probe(video).fps, video)
    opened = Camera(camera)
    return Source(Capture(opened, threading.Event(), newest_wins=True), opened.fps, opened.name)


def record(session: RecordingSession, source: Source, show: bool) -> None:
    """Feeds a session with frames until it is over or they end.

    Args:
        session: the session.
        source: the camera.
        show: whether to draw into the window, and to take keys from it.

    Raises:
        InputError: a clip could not be written.
        BadVideoError: the file cannot be decoded.
    """
    line = ""
    with contextlib.closing(session):
        for seconds, frame in source.frames:
            session.step(seconds, frame)
            if show:
                session.press(window.draw(picture(frame, session)))
            else:
                line = _print_status(session, line)
            if session.is_over:
                return


def picture(frame: np.ndarray, session: RecordingSession) -> np.ndarray:
    """Returns an RGB frame with the class to perform and the countdown below it."""
    status = session.status()
    panel = Panel(scaled(frame), _HEIGHT)
    panel.text(status.title, 22, 24, bold=True)
    line = f"{status.line}    {session.left} clips left"
    panel.bar(line, status.share, 42, is_alert=status.is_recording)
    panel.text(_KEYS, 84, 11, GREY)
    return np.array(panel.canvas)


def _print_status(session, before):
    """Prints the status for people without a window, once per change; returns it."""
    status = session.status()
    line = f"  {status.title}: {status.line}"
    if line != before and not session.is_over:
        print(line, flush=True)
    return line
