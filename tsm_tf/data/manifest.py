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
    text = _read(pathlib.Path(data_dir) / LABELS_FILE)
    labels = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not labels or len(set(labels)) != len(labels):
        raise InputError("data", f"must have distinct class names in {LABELS_FILE}", labels)
    return labels


def read_videos(data_dir: str | os.PathLike, split: str) -> list[Video]:
    """Returns the videos of `<split>.txt`; paths are relative to the folder and may be quoted.

    Raises:
        FileNotFoundError: no list file, or a video of it that does not exist (all are named).
        InputError: a line that is not `path num_frames label`, a label out of range, or an empty list.
    """
    data_dir = pathlib.Path(data_dir)
    path = data_dir / f"{split}.txt"
    lines = _read(path).splitlines()
    num_classes = len(read_labels(data_dir))
    videos = [_parse(line, f"{path}:{i}", data_dir, num_classes) for i, line in enumerate(lines, 1) if line.strip()]
    if not videos:
        raise InputError("data", "must list at least one video", str(path))
    missing = [str(video.path) for video in videos if not video.path.is_file()]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise FileNotFoundError(f"`data` must hold every video of {path}; missing: {', '.join(missing[:5])}{more}")
    return videos


def _parse(line, place, data_dir, num_classes):
    try:
        name, num_frames, label = shlex.split(line)
        video = Video(data_dir / name, int(num_frames), int(label))
    except ValueError:
        raise InputError("data", f"must have `path num_frames label` a line; see {place}", line) from None
    if not 0 <= video.label < num_classes:
        raise InputError("data", f"must have labels from 0 to {num_classes - 1}; see {place}", video.label)
    if video.num_frames < -1:
        raise InputError("data", f"must have num_frames of at least 0, or -1 for unknown; see {place}", line)
    return video


def _read(path):
    if not path.is_file():
        raise FileNotFoundError(f"`data` must be a folder with {path.name}: {path}")
    return path.read_text(encoding="utf-8")
