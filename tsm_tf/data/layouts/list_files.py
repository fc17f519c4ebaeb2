"""List files, in the formats of the original and of this project.

`labels.txt` holds one class name per line. `<split>.txt` holds one video per line,
`path num_frames label`, with paths relative to the folder. Quote paths that contain spaces.
A line `path start end label` is a segment of an untrimmed video, in seconds; a video may have
several. `background.txt` holds the names of the classes in which nothing happens, one per line.
"""

import collections
import dataclasses
import hashlib
import math
import os
import posixpath
import re
import shlex

from tsm_tf.data.sources import Source
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.text_file import read_bytes, read_text
from tsm_tf.data.video import UNKNOWN_FRAMES, Video, is_uri
from tsm_tf.errors import InputError, MissingFile, shorten

LABELS_FILE = "labels.txt"
BACKGROUND_FILE = "background.txt"

_DIGESTED_FILES = ("train.txt", "val.txt", LABELS_FILE)
_MAX_NAME = 1000  # characters
_MAX_NAMED = 5
_MAX_FRAMES = 2**31  # two years; more would overflow when frames are sampled
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # they would act on the terminal


class ListFiles:
    """A folder of list files.

    Args:
        data: the folder.

    Raises:
        MissingFile: there is no `labels.txt`.
        InputError: `labels.txt` has no names, one name twice, or an endless or unprintable name.
    """

    source: Source = VIDEO_FILES

    def __init__(self, data: str):
        self.data = data
        self.labels = _read_labels(self._file(LABELS_FILE))

    @property
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

    @property
    def digest(self) -> str:
        """SHA-256 of the lists, `labels.txt` and any `background.txt`; videos are not read."""
        digest = hashlib.sha256()
        names = _DIGESTED_FILES if self.background is None else (*_DIGESTED_FILES, BACKGROUND_FILE)

        for name in names:
            path = self._file(name)
            digest.update(read_bytes(path, "data", _rule(path)))
            digest.update(b"\0")

        return digest.hexdigest()

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of `<split>.txt`, in its order.

        Raises:
            MissingFile: there is no such list, or a listed video does not exist.
            InputError: a line is not `path num_frames label`, a label is out of range, or the
                list is empty.
        """
        path = self._file(f"{split}.txt")
        folder = self.data if is_uri(self.data) else os.path.join(os.getcwd(), self.data)
        videos, missing, is_multi_label = [], [], False

        for number, line in enumerate(_lines(path), 1):
            if not line.strip():
                continue
            video = _parse(line, f"{path}:{number}", folder, len(self.labels))
            videos.append(video)
            is_multi_label = is_multi_label or len(video.classes) > 1
            if not is_uri(video.path) and not os.path.isfile(video.path):
                missing.append(f"{shorten(video.path)} (line {number})")

        if not videos:
            raise InputError("data", "must list at least one video", path)
        if missing:
            more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
            named = ", ".join(missing[:_MAX_NAMED]) + more
            rule = f"must hold every video that {path} lists; missing, or not a file: {named}"
            raise MissingFile("data", rule, self.data)

        if not is_multi_label:
            videos = [dataclasses.replace(video, classes=()) for video in videos]
        return tuple(videos)

    def _file(self, name):
        return _join(self.data, name)


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
        classes, is_segment = tuple(map(int, label.split(","))), len(numbers) == 2
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

    for label in classes:
        if not 0 <= label < num_classes:
            rule = f"must have labels from 0 to {num_classes - 1}; see {place}"
            raise InputError("data", rule, label)
    if not 1 <= num_frames < _MAX_FRAMES and num_frames != UNKNOWN_FRAMES:
        rule = f"must have num_frames of at least 1, or -1 if unknown, below 2**31; see {place}"
        raise InputError("data", rule, line)

    if end is not None and not 0 <= start < end < math.inf:
        rule = f"must have segments from 0 s on that end after their start; see {place}"
        raise InputError("data", rule, line)

    return Video(_join(folder, name), name, num_frames, classes[0], start, end, classes)


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
