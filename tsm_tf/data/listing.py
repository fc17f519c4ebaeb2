"""Data folders: class names and lists of videos.

`labels.txt` holds one class name per line. `<split>.txt` holds one video per line,
`path num_frames label`, with paths relative to the folder. Quote paths that contain spaces.
A line `path start end label` is a segment of an untrimmed video, in seconds; a video may have
several. `background.txt` holds the names of the classes in which nothing happens, one per line.
"""

import collections
import dataclasses
import functools
import hashlib
import math
import os
import posixpath
import re
import shlex
from collections.abc import Sequence

from tsm_tf.data.text_file import read_bytes, read_text
from tsm_tf.errors import InputError, MissingFile, shorten
from tsm_tf.spec import ModelSpec

LABELS_FILE = "labels.txt"
BACKGROUND_FILE = "background.txt"
UNKNOWN_FRAMES = -1
"""The number of frames of a video whose length the list does not give."""
MIN_TRAINING_FRAMES = 3
"""The official code does not train on videos with fewer frames."""

_DIGESTED_FILES = ("train.txt", "val.txt", LABELS_FILE)
_MAX_NAME = 1000  # characters
_MAX_NAMED = 5
_MAX_FRAMES = 2**31  # two years; more would overflow when frames are sampled
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # they would act on the terminal
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclasses.dataclass(frozen=True)
class Video:
    """One line of a list file.

    Args:
        path: where the video is: an absolute path, or a URI.
        name: the path as the list has it.
        num_frames: number of frames, or `UNKNOWN_FRAMES`.
        label: index of the class.
        start: where the class begins in the video, in seconds.
        end: where it ends, or None for the whole video.
    """

    path: str
    name: str
    num_frames: int
    label: int
    start: float = 0.0
    end: float | None = None


class Listing:
    """A data folder, opened once per command.

    The list files are parsed on first use and kept, and the existence of the videos is checked
    once per split.

    Args:
        data: the folder.

    Attributes:
        data: the folder, as given.
        labels: the class names.

    Raises:
        MissingFile: there is no `labels.txt`.
        InputError: `labels.txt` has no names, one name twice, or an endless or unprintable name.

    Example:
        >>> listing = Listing("data/gestures")
        >>> listing.labels[listing.videos("train")[0].label]
        'Swiping Left'
    """

    def __init__(self, data: str | os.PathLike):
        self.data = os.fspath(data)
        self.labels = _read_labels(self._file(LABELS_FILE))
        self._videos: dict[str, tuple[Video, ...]] = {}

    @functools.cached_property
    def background(self) -> tuple[str, ...] | None:
        """The names in `background.txt`; None if there is no such file.

        Raises:
            InputError: a name is not in `labels.txt`.
        """
        path = self._file(BACKGROUND_FILE)
        if not os.path.isfile(path):
            return None
        names = tuple(line.strip() for line in _lines(path) if line.strip())
        for name in names:
            if name not in self.labels:
                raise InputError("data", f"must have names of {LABELS_FILE} in {path}", name)
        return names

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of `<split>.txt`, in its order.

        Raises:
            MissingFile: there is no such list, or a listed video does not exist.
            InputError: a line is not `path num_frames label`, a label is out of range, or the
                list is empty.
        """
        if split not in self._videos:
            self._videos[split] = self._read_videos(split)
        return self._videos[split]

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the lists, `labels.txt` and any `background.txt`; videos are not read."""
        digest = hashlib.sha256()
        names = _DIGESTED_FILES if self.background is None else (*_DIGESTED_FILES, BACKGROUND_FILE)

        for name in names:
            path = self._file(name)
            digest.update(read_bytes(path, "data", _rule(path)))
            digest.update(b"\0")

        return digest.hexdigest()

    def _file(self, name):
        return _join(self.data, name)

    def _read_videos(self, split):
        path = self._file(f"{split}.txt")
        folder = self.data if is_uri(self.data) else os.path.join(os.getcwd(), self.data)
        videos, missing = [], []

        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            video = _parse(line, f"{path}:{number}", folder, len(self.labels))
            videos.append(video)
            if not is_uri(video.path) and not os.path.isfile(video.path):
                missing.append(f"{shorten(video.path)} (line {number})")

        if not videos:
            raise InputError("data", "must list at least one video", path)
        if missing:
            more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
            named = ", ".join(missing[:_MAX_NAMED]) + more
            rule = f"must hold every video that {path} lists; missing, or not a file: {named}"
            raise MissingFile("data", rule, self.data)

        return tuple(videos)


def is_uri(path: str) -> bool:
    """Returns whether a path names a scheme, such as `s3://bucket/videos`."""
    return _URI.match(path) is not None


def trainable_videos(videos: Sequence[Video]) -> tuple[Video, ...]:
    """Returns the videos that are long enough to train on, or whose length is unknown."""
    return tuple(
        video
        for video in videos
        if video.num_frames == UNKNOWN_FRAMES or video.num_frames >= MIN_TRAINING_FRAMES
    )


def check_labels(spec: ModelSpec, listing: Listing) -> None:
    """Raises if a model has class names and the data has others.

    Raises:
        InputError: names both.
    """
    if spec.labels and spec.labels != listing.labels:
        raise InputError("data", f"must have the model's classes {spec.labels}", listing.labels)


def _read_labels(path):
    labels = tuple(line.strip() for line in _lines(path) if line.strip())
    repeated = sorted(label for label, count in collections.Counter(labels).items() if count > 1)

    if not labels or repeated:
        rule = f"must have distinct class names, at least one, in {path}"
        raise InputError("data", rule, repeated)

    for label in labels:
        if len(label) > _MAX_NAME or _CONTROL.search(label):
            rule = (
                f"must have class names of at most {_MAX_NAME:,} characters, without control "
                f"characters, in {path}"
            )
            raise InputError("data", rule, label)
    return labels


def _parse(line, place, folder, num_classes):
    try:
        name, *numbers, label = _split(line)
        label, is_segment = int(label), len(numbers) == 2
        if is_segment:
            num_frames, (start, end) = UNKNOWN_FRAMES, map(float, numbers)
        else:
            (count,) = numbers
            num_frames, start, end = int(count), 0.0, None
    except ValueError:
        rule = (
            "must have one `path num_frames label` per line, or `path start end label` in seconds, "
            f"with quotes around a path that contains spaces or quotes; see {place}"
        )
        raise InputError("data", rule, line) from None

    if not 0 <= label < num_classes:
        rule = f"must have labels from 0 to {num_classes - 1}; see {place}"
        raise InputError("data", rule, label)
    if not 1 <= num_frames < _MAX_FRAMES and num_frames != UNKNOWN_FRAMES:
        rule = f"must have num_frames of at least 1, or -1 if unknown, below 2**31; see {place}"
        raise InputError("data", rule, line)

    if end is not None and not 0 <= start < end < math.inf:
        rule = f"must have segments from 0 s on that end after their start; see {place}"
        raise InputError("data", rule, line)

    return Video(_join(folder, name), name, num_frames, label, start, end)


def _split(line):
    """Splits a line as a shell does. Most lines need no quotes, and `str.split` is far faster."""
    needs_shell = not line.isascii() or any(sign in line for sign in "\"'\\")
    return shlex.split(line) if needs_shell else line.split()


def _join(folder, name):
    """Joins as `os.path.join` does, but leaves URIs alone."""
    return name if is_uri(name) or os.path.isabs(name) else posixpath.join(folder, name)


def _lines(path):
    return read_text(path, "data", _rule(path)).splitlines()


def _rule(path):
    return f"must be a folder with {posixpath.basename(path)}"
