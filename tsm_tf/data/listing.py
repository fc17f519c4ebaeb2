"""List files in the field's format: one line a video, `path num_frames label`; `labels.txt`: one class name a line."""

import dataclasses
import os
import pathlib
import shlex

from tsm_tf.errors import InputError

LABELS_FILE = "labels.txt"


@dataclasses.dataclass(frozen=True)
class Video:
    """One line of a list file: where the video is, how many frames it has (-1 if unknown), and its class."""

    path: pathlib.Path
    num_frames: int
    label: int


def read_labels(data_dir: str | os.PathLike) -> tuple[str, ...]:
    """Returns the class names of a data folder.

    Raises:
        FileNotFoundError: no `labels.txt`.
        InputError: no names, or one name twice.
    """
    path = pathlib.Path(data_dir) / LABELS_FILE
    labels = tuple(line.strip() for line in _lines(path) if line.strip())
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if not labels or twice:
        raise InputError("data", f"must have distinct class names, at least one, in {path}", twice)
    return labels


def read_videos(data_dir: str | os.PathLike, split: str) -> list[Video]:
    """Returns the videos of `<split>.txt`; paths are absolute or relative to the folder, and may be quoted.

    Raises:
        FileNotFoundError: no list file, or a video of it that does not exist (the first ones are named).
        InputError: a line that is not `path num_frames label`, a label out of range, or an empty list.
    """
    data_dir = pathlib.Path(data_dir)
    path = data_dir / f"{split}.txt"
    num_classes = len(read_labels(data_dir))
    videos, missing = [], []
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            video = _parse(line, f"{path}:{number}", data_dir, num_classes)
            videos.append(video)
            if not video.path.is_file():
                missing.append(f"{video.path} (line {number})")
    if not videos:
        raise InputError("data", "must list at least one video", str(path))
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise FileNotFoundError(
            f"`data` must hold every video of {path}; missing: {', '.join(missing[:5])}{more}"
        )
    return videos


def _parse(line, place, data_dir, num_classes):
    try:
        name, num_frames, label = shlex.split(line)
        video = Video(data_dir / name, int(num_frames), int(label))
    except ValueError:
        rule = f"must have `path num_frames label` a line, quotes around a path with spaces or quotes; see {place}"
        raise InputError("data", rule, line) from None
    if not 0 <= video.label < num_classes:
        raise InputError(
            "data", f"must have labels from 0 to {num_classes - 1}; see {place}", video.label
        )
    if video.num_frames < 1 and video.num_frames != -1:
        raise InputError(
            "data", f"must have num_frames of at least 1, or -1 for unknown; see {place}", line
        )
    return video


def _lines(path):
    if not path.is_file():
        raise FileNotFoundError(f"`data` must be a folder with {path.name}: {path}")
    try:
        return path.read_text(
            encoding="utf-8-sig"
        ).splitlines()  # with or without the mark that Windows' editors write
    except UnicodeDecodeError as error:
        raise InputError(
            "data", f"must be text in UTF-8; see {path}", f"byte {error.start}"
        ) from None
