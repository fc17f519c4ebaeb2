"""Runs a detector on all videos of a split, and writes its detections as it proceeds."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.detection.data.annotated import AnnotatedVideo
from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.data.picture import read_picture
from tsm_tf.detection.detections import Detections
from tsm_tf.detection.evaluation.detections_file import join_detections, to_lines
from tsm_tf.detection.evaluation.records import DetectedBoxes
from tsm_tf.files import write_text

Detect = Callable[[Iterable[np.ndarray]], Iterator[Detections]]
"""Yields the detections of each frame of a video."""


def detect_split(
    detect: Detect,
    videos: Sequence[AnnotatedVideo],
    path: pathlib.Path,
) -> None:
    """Writes a detections file.

    An interrupted call is continued by the next one, after the last video that was finished.

    Args:
        detect: the detector.
        videos: the videos of a split.
        path: the file; nothing is done if it exists.

    Raises:
        MissingFile: a picture does not exist.
        BadVideoError: a picture cannot be decoded.
        InputError: a picture has another size than its annotation.
    """
    if path.is_file():
        return
    unfinished = _Unfinished(path)
    done, size = unfinished.read()
    progress = ProgressLine(len(videos), "videos", "searched", first=done)

    with unfinished.path.open("ab") as file:
        file.truncate(size)
        for number in range(done, len(videos)):
            file.write(to_lines(_detect_video(detect, videos[number])).encode())
            file.flush()
            os.fsync(file.fileno())
            unfinished.write(number + 1, file.tell())
            progress.show(number + 1)

    os.replace(unfinished.path, path)
    unfinished.forget()


class FrameDetector(Protocol):
    """A detector that runs one frame at a time; see `export.runtime.StreamRunner`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def reset(self) -> None: ...
    def step(self, frame: np.ndarray) -> Detections: ...


def detect_with_file(runner: FrameDetector, frames: Iterable[np.ndarray]) -> Iterator[Detections]:
    """Yields what an exported file finds in each frame of a video, in pixels of the frame.

    Args:
        runner: the file; it is reset first.
        frames: `uint8 [H, W, 3]`, RGB, of any one size.
    """
    height, width, _ = runner.shape
    runner.reset()
    for frame in frames:
        fitted, scale = fit_frame(frame, (height, width))
        found = runner.step(fitted)
        yield found._replace(boxes=found.boxes / np.float32(scale))


def read_frames(video: AnnotatedVideo) -> Iterator[np.ndarray]:
    """Yields the frames of a video, RGB `uint8 [H, W, 3]`."""
    for frame in video.frames:
        yield read_picture(frame)


def _detect_video(detect, video) -> DetectedBoxes:
    parts = []
    for number, found in enumerate(detect(read_frames(video))):
        frame = video.first_id - 1 + number
        parts.append(
            DetectedBoxes(
                np.full(len(found.scores), frame),
                np.asarray(found.classes, np.int64),
                np.asarray(found.scores, np.float64),
                np.asarray(found.boxes, np.float64),
            )
        )
    return join_detections(parts)


@dataclasses.dataclass(frozen=True)
class _Unfinished:
    """A detections file that grows, and a file that says how much of it is whole."""

    final: pathlib.Path

    @property
    def path(self) -> pathlib.Path:
        return self.final.with_name(f"{self.final.name}.unfinished")

    @property
    def _state(self) -> pathlib.Path:
        return self.final.with_name(f"{self.final.name}.unfinished.json")

    def read(self) -> tuple[int, int]:
        """Returns the number of videos and bytes that are whole."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            videos, size = int(state["videos"]), int(state["bytes"])
            is_there = self.path.stat().st_size >= size
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0
        return (videos, size) if is_there else (0, 0)

    def write(self, videos: int, size: int) -> None:
        write_text(self._state, json.dumps({"videos": videos, "bytes": size}))

    def forget(self) -> None:
        self._state.unlink(missing_ok=True)
