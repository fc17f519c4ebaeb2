"""Mutations of video files: every container and codec that can be written here."""

import contextlib
import os
import pathlib

import av
import av.error
import numpy as np
from fuzz.mutate import mutate, truncate
from fuzz.numbered import HEIGHT, numbered_frames, read_number
from videos import encode

from tsm_tf.data.sampling import center_indices
from tsm_tf.data.sources.opening import IGNORE_BAD_METADATA, container_options
from tsm_tf.data.sources.video_file import VideoFiles, iterate_frames

COUNT = 24
_SHARP = {"qmin": "1", "qmax": "2"}
_ORIGINALS = {
    # file: first frame, how to encode
    "h264.mp4": (0, {"options": {"g": "8", "bf": "2"}}),
    "fragments.mp4": (
        1,
        {"options": {"g": "8"}, "container_options": {"movflags": "frag_keyframe+empty_moov"}},
    ),
    "h264.ts": (2, {"options": {"g": "8", "bf": "2"}}),
    "h264.avi": (3, {"options": {"g": "8", "bf": "2"}}),
    "hevc.mkv": (4, {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=8"}}),
    "vp9.webm": (5, {"codec": "libvpx-vp9", "options": {"g": "8"}}),
    "vp8.webm": (6, {"codec": "libvpx", "options": {"g": "8"}}),
    "av1.mp4": (7, {"codec": "libsvtav1", "options": {"svtav1-params": "keyint=8"}}),
    "mpeg4.avi": (8, {"codec": "mpeg4", "options": {"bf": "2", **_SHARP}}),
    "mpeg2.mpg": (9, {"codec": "mpeg2video", "rate": 25, "options": {"bf": "2", **_SHARP}}),
    "mpeg1.ts": (10, {"codec": "mpeg1video", "rate": 25, "options": _SHARP}),
    "mjpeg.avi": (11, {"codec": "mjpeg", "pix_fmt": "yuvj420p", "options": _SHARP}),
    "mjpeg.mov": (12, {"codec": "mjpeg", "pix_fmt": "yuvj420p", "options": _SHARP}),
    "wmv2.wmv": (13, {"codec": "wmv2", "options": _SHARP}),
    "flv1.flv": (14, {"codec": "flv", "options": _SHARP}),
    "ffvhuff.nut": (15, {"codec": "ffvhuff"}),
    "gif.gif": (16, {"codec": "gif", "pix_fmt": "gray"}),
    "mpeg2.mxf": (17, {"codec": "mpeg2video", "rate": 25, "options": _SHARP}),
    "theora.ogv": (None, {}),  # written elsewhere
}
_FILES = pathlib.Path(__file__).parent.parent / "data" / "sources" / "files"


class VideoFilesKind:
    """Changes a video and reads a clip of it."""

    def __init__(self, originals: pathlib.Path):
        self.contents = {name: (originals / name).read_bytes() for name in _ORIGINALS}

    @staticmethod
    def write_originals(folder: pathlib.Path) -> None:
        with _quiet():
            for name, (first, how) in _ORIGINALS.items():
                if first is None:
                    content = (_FILES / "theora_repeats.ogv").read_bytes()
                    (folder / name).write_bytes(content)
                else:
                    encode(folder / name, numbered_frames(first, COUNT), **how)

    def run(self, folder: pathlib.Path, rng: np.random.Generator) -> str:
        name = sorted(self.contents)[rng.integers(len(self.contents))]
        others = list(self.contents.values())
        is_cut = rng.random() < 0.1
        change = truncate if is_cut else mutate
        path = folder / name
        path.write_bytes(change(self.contents[name], others, rng))

        source = VideoFiles(keeps_damaged=bool(rng.integers(2)))
        num_frames = source.num_frames(str(path))
        times, fps = source.times(str(path)), source.fps(str(path))
        assert times.shape == (num_frames,) and times[0] == 0
        assert (np.diff(times) >= 0).all() and 0 < fps <= 1e4
        indices = center_indices(num_frames, 8)
        frames = source.read(str(path), indices.tolist(), HEIGHT)

        numbers = [read_number(frame) for frame in frames]
        expected = bare_frames(path, indices, source.keeps_damaged)
        compare(name, numbers, expected)
        if is_cut and not source.keeps_damaged:
            check_cut(_ORIGINALS[name][0], indices, numbers, num_frames)
        if rng.random() < 0.25:
            for seconds, _ in iterate_frames(path, HEIGHT, keeps_damaged=source.keeps_damaged):
                assert seconds >= 0
        if source.damaged:
            return "read, with damage"
        return "read, with damage that no decoder sees" if None in numbers else "read"


def bare_frames(path, indices, keeps_damaged):
    """Decodes with PyAV alone; returns the frames at some indices."""
    wanted, found, number = set(indices.tolist()), {}, 0
    with av.open(
        os.fspath(path), container_options=container_options(), **IGNORE_BAD_METADATA
    ) as container:
        films = [s for s in container.streams.video if not s.disposition & 1024]
        best = container.streams.best("video")
        stream = best if best in films else films[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            if not packet.size and packet.pts is not None:
                continue
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                if not keeps_damaged:
                    raise
                continue
            for frame in frames:
                if number in wanted:
                    found[number] = frame.to_ndarray(format="rgb24")
                number += 1
            if number > max(wanted):
                break
    return [found[index] for index in indices.tolist()]


def compare(name, numbers, expected):
    """Raises unless the numbers are those of PyAV's frames, up to the first damaged picture.

    A damaged picture shows no number. It and those after it may differ each time, since decoders
    leave parts of them as they are in memory. A changed display matrix, which PyAV leaves to the
    caller, turns a picture.
    """
    for number, other in zip(numbers, expected, strict=True):
        turned = [np.rot90(image, turns) for image in (other, other[::-1]) for turns in range(4)]
        others = [read_number(image) for image in turned]
        if number is None or others == [None] * len(others):
            return
        assert number in others, (name, numbers)


def check_cut(first, indices, numbers, num_frames):
    """Raises unless the frames of a file that was cut off are its own, in order.

    Before the cut, pictures may lack that are stored behind those they depend on. Some containers
    do not tell that the last picture is incomplete.
    """
    if first is None:
        return
    shown = dict(zip(indices.tolist(), numbers, strict=True))
    shown.pop(num_frames - 1, None)
    for index, number in shown.items():
        assert number in range(first + index, first + COUNT), (numbers, indices)
    assert len(set(shown.values())) == len(shown), (numbers, indices)


@contextlib.contextmanager
def _quiet():
    """Silences encoders, which write to the file descriptor of stderr."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
