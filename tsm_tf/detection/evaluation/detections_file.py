"""Detections as a text file in the format of ImageNet-VID's evaluation.

One line per detection: `FRAME CLASS SCORE X1 Y1 X2 Y2`. Frames and classes are counted from 1, over
all videos in the order of the list. The corners are pixels of the original frame, and the box
includes both of them.
"""

import pathlib
import warnings
from collections.abc import Iterable

import numpy as np

from tsm_tf.detection.evaluation.records import DetectedBoxes
from tsm_tf.errors import InputError, MissingFile

_COLUMNS = 7
_INCLUSIVE = np.array([0.0, 0.0, 1.0, 1.0])
"""Half-open corners minus inclusive ones."""

_FORMAT = "must have lines of a frame, a class, a score and four corners"


def to_lines(detected: DetectedBoxes) -> str:
    """Returns the lines of the file: scores with 4 decimals, corners with 2."""
    rows = zip(
        (detected.frames + 1).tolist(),
        (detected.classes + 1).tolist(),
        detected.scores.tolist(),
        (detected.boxes - _INCLUSIVE).tolist(),
        strict=True,
    )
    return "".join(
        f"{frame} {number} {score:.4f} {x1:.2f} {y1:.2f} {x2:.2f} {y2:.2f}\n"
        for frame, number, score, (x1, y1, x2, y2) in rows
    )


def read_detections(path: pathlib.Path, num_frames: int, num_classes: int) -> DetectedBoxes:
    """Reads a detections file.

    Args:
        path: the file; an empty one means that nothing was detected.
        num_frames: number of frames of the split.
        num_classes: number of classes.

    Raises:
        MissingFile: there is no such file.
        InputError: a line has another number of columns, something that is not a finite number, or
            a frame or class that does not exist. The error names the line.
    """
    if not path.is_file():
        raise MissingFile("detections", "must be an existing file", str(path))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "loadtxt: input contained no data", UserWarning)
            rows = np.loadtxt(path, ndmin=2, comments=None).reshape(-1, _COLUMNS)
    except ValueError:
        raise _error_of(path, num_frames, num_classes) from None

    frames, classes = rows[:, 0], rows[:, 1]
    is_good = np.isfinite(rows).all(axis=1)
    is_good &= _is_number_of(frames, num_frames) & _is_number_of(classes, num_classes)
    if not is_good.all():
        raise _error_of(path, num_frames, num_classes)
    return DetectedBoxes(
        frames.astype(np.int64) - 1,
        classes.astype(np.int64) - 1,
        rows[:, 2],
        rows[:, 3:] + _INCLUSIVE,
    )


def _is_number_of(values, count):
    return (values >= 1) & (values <= count) & (values == np.floor(values))


def _error_of(path, num_frames, num_classes):
    """Returns an error that names the first bad line."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            rule = _broken_rule(line, num_frames, num_classes)
            if rule:
                return InputError(f"{path}:{number}", rule, line.strip())
    return InputError("detections", _FORMAT, str(path))


def _broken_rule(line, num_frames, num_classes):
    words = line.split()
    if not words:
        return None
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        return _FORMAT
    if len(values) != _COLUMNS or not np.isfinite(values).all():
        return _FORMAT
    if not _is_number_of(values[0], num_frames):
        return f"must have a frame from 1 to {num_frames}"
    if not _is_number_of(values[1], num_classes):
        return f"must have a class from 1 to {num_classes}"
    return None


def join_detections(parts: Iterable[DetectedBoxes]) -> DetectedBoxes:
    """Returns the detections of several parts, such as frames, as one."""
    empty = DetectedBoxes(
        np.zeros(0, np.int64),
        np.zeros(0, np.int64),
        np.zeros(0),
        np.zeros((0, 4)),
    )
    parts = [empty, *parts]
    return DetectedBoxes(
        np.concatenate([part.frames for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.boxes for part in parts]),
    )
