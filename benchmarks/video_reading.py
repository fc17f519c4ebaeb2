"""Reading clips from video files, against a bare loop of PyAV and against decord's reader.

All read the same 8 frames of the same files with one thread. The loop, as a user would write it,
leaves frames at their size, and so does the project beside it. Beside decord, both resize. Times
are processor times, which is what reading costs a training.
"""

import dataclasses
import fractions
import importlib
import importlib.util
import pathlib
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import av
import cv2
import numpy as np

from tsm_tf.data.resize import scaled_size
from tsm_tf.data.sampling import center_indices
from tsm_tf.data.sources.video_file import read_frames
from tsm_tf.timing import interleaved, paired_ratio

PACKAGE = "av"

SHORT_SIDE = 256
_SEGMENTS = 8
_VIDEOS = 4
_LARGEST_DIFFERENCE = 6  # grey levels; decord's colours are less exact

# At least as fast as decord, and nearly as fast as a loop without any checks.
BARE_RATIO, DECORD_RATIO = 0.95, 1.0


@dataclasses.dataclass(frozen=True)
class Videos:
    """Synthetic videos like those of a data set.

    Args:
        name: what they are like.
        suffix: ending of the files' names.
        codec: FFmpeg's name of the encoder.
        frames: number of frames.
        width: in pixels.
        height: in pixels.
        fps: frames per second.
    """

    name: str
    suffix: str
    codec: str
    frames: int
    width: int
    height: int
    fps: int


VIDEOS = (
    Videos("Kinetics", "mp4", "libx264", 300, 340, 256, 30),
    Videos("Something-Something V2", "webm", "libvpx-vp9", 40, 426, 240, 12),
    Videos("UCF101", "avi", "mpeg4", 180, 320, 240, 25),
)


def measure(work: pathlib.Path, rounds: int) -> list[dict[str, object]]:
    """Returns milliseconds per clip and ratios of speeds, for each kind of videos."""
    return [_measure(kind, work, rounds) for kind in VIDEOS]


def conclusions(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Returns which ratios are reached, and what limits the speed."""
    lines = []
    for row in rows:
        for name, least in (("bare_ratio", BARE_RATIO), ("decord_ratio", DECORD_RATIO)):
            if row[name] != "":
                verdict = "reached" if float(str(row[name])) >= least else "MISSED"
                lines.append(f"{row['videos']}: {name} {row[name]} of at least {least}: {verdict}")
        lines.append(f"{row['videos']}: limited by decoding, {row['decoding_share']} of the time")
    return lines


def _measure(kind, work, rounds):
    paths = [write_video(work / f"{kind.codec}{n}.{kind.suffix}", kind, n) for n in range(_VIDEOS)]
    indices = center_indices(kind.frames, _SEGMENTS).tolist()
    readers = {
        "project": read_frames,
        "bare": read_bare,
        "decoding": decode_only,
        "project, resized": read_resized,
    }
    if importlib.util.find_spec("decord"):  # x86 Linux only
        readers["decord"] = read_decord
        _check(paths[0], indices, read_decord, read_resized)
    _check(paths[0], indices, read_bare, read_frames)

    calls = {name: _passes(reader, paths, indices) for name, reader in readers.items()}
    seconds = interleaved(calls, rounds, clock=time.process_time)
    decord, resized = seconds.get("decord"), seconds["project, resized"]
    clips = len(paths)
    return {
        "videos": kind.name,
        "project_ms_per_clip": _milliseconds(seconds["project"], clips),
        "bare_ms_per_clip": _milliseconds(seconds["bare"], clips),
        "resized_ms_per_clip": _milliseconds(resized, clips),
        "decord_ms_per_clip": _milliseconds(decord, clips) if decord else "",
        "bare_ratio": round(paired_ratio(seconds["bare"], seconds["project"]), 3),
        "decord_ratio": round(paired_ratio(decord, resized), 3) if decord else "",
        "decoding_share": f"{paired_ratio(seconds['decoding'], resized):.0%}",
        "rounds": rounds,
    }


def read_resized(path: str, indices: Sequence[int]) -> np.ndarray:
    """Reads frames as the training does."""
    return read_frames(path, indices, SHORT_SIDE)


def read_bare(path: str, indices: Sequence[int]) -> np.ndarray:
    """Reads frames with ten lines of PyAV, as a user would write them."""
    wanted, found = set(indices), {}
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                found[index] = frame.to_ndarray(format="rgb24")
            if index >= max(wanted):
                break
    return np.stack([found[index] for index in indices])


def decode_only(path: str, indices: Sequence[int]) -> None:
    """Decodes what the other readers have to decode, and converts nothing."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for index, _ in enumerate(container.decode(stream)):
            if index >= max(indices):
                break


def read_decord(path: str, indices: Sequence[int]) -> np.ndarray:
    """Reads frames with decord."""
    decord = importlib.import_module("decord")
    with av.open(path) as container:
        stream = container.streams.video[0]
        width, height = scaled_size(stream.width, stream.height, SHORT_SIDE)
    reader = decord.VideoReader(path, decord.cpu(0), width=width, height=height, num_threads=1)
    return reader.get_batch(list(indices)).asnumpy()


def write_video(path: pathlib.Path, kind: Videos, seed: int) -> str:
    """Writes a video of textured shapes that move before a moving, textured background."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (2 * kind.height, 2 * kind.width, 3)).astype(np.float32)
    texture = cv2.blur(noise, (9, 9), borderType=cv2.BORDER_REFLECT)
    texture = ((texture - texture.mean()) * 4 + 128).clip(0, 255).astype(np.uint8)

    with av.open(str(path), "w") as container:
        stream = container.add_stream(kind.codec, fractions.Fraction(kind.fps))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = kind.width, kind.height, "yuv420p"
        stream.bit_rate = 500_000
        for number in range(kind.frames):
            top, left = (number // 2) % kind.height, number % kind.width
            frame = texture[top : top + kind.height, left : left + kind.width].copy()
            x = (3 * number) % (kind.width - 80)
            frame[60:140, x : x + 80] = 255 - texture[:80, :80]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    return str(path)


def _passes(reader: Callable, paths, indices):
    def read_all():
        for path in paths:
            reader(path, indices)

    return read_all


def _check(path, indices, reader, project):
    """Raises unless a reader returns the project's frames."""
    frames, expected = reader(path, indices), project(path, indices)
    difference = np.abs(frames.astype(int) - expected).mean()
    if difference > _LARGEST_DIFFERENCE:
        raise RuntimeError(f"{reader.__name__} reads other frames of {path}: {difference:.1f}")


def _milliseconds(seconds, clips):
    return round(1000 * statistics.median(seconds) / clips, 2)
