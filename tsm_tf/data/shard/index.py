"""The index of shards: where each video's record lies, and the lists of the splits."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping

import numpy as np

from tsm_tf.data import storage
from tsm_tf.data.shard.manifest import Manifest
from tsm_tf.data.shard.records import DIGEST_BYTES, FOOTER_BYTES, HEADER_BYTES, TABLE_ROW
from tsm_tf.data.shard.settings import Settings
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import InputError

MAX_PIXELS = 1 << 25
"""Limit for the pixels of a frame."""

_DIGEST = re.compile(rf"[0-9a-f]{{{2 * DIGEST_BYTES}}}")
_MAX = 2**53


@dataclasses.dataclass(frozen=True)
class Entry:
    """A video's record.

    Args:
        name: the video's name in its list.
        shard: number of the shard in the manifest.
        offset: where the record begins in the shard.
        length: bytes of the record.
        table_at: where in the shard the table of the parts begins.
        parts_at: where in the shard the parts begin.
        parts: number of the parts.
        digest: digest of the table, hexadecimal.
        num_frames: number of frames.
        fps: frames per second.
        width: width of the frames.
        height: height of the frames.
    """

    name: str
    shard: int
    offset: int
    length: int
    table_at: int
    parts_at: int
    parts: int
    digest: str
    num_frames: int
    fps: float
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a list: `Video` with the number of an entry for path and name."""

    video: int
    num_frames: int
    label: int
    start: float = 0.0
    end: float | None = None
    classes: tuple[int, ...] = ()


_COLUMNS = tuple(field.name for field in dataclasses.fields(Entry))
_LINE_COLUMNS = tuple(field.name for field in dataclasses.fields(Line))


@dataclasses.dataclass(frozen=True)
class Index:
    """Where each video's record lies, and the lists of the splits.

    Args:
        entries: a record per video.
        splits: the lines of each split.
    """

    entries: tuple[Entry, ...]
    splits: Mapping[str, tuple[Line, ...]]

    def to_bytes(self) -> bytes:
        """Returns the content of the index's file: one JSON array per column."""
        content = {
            "videos": _columns(self.entries, _COLUMNS),
            "splits": {
                split: _columns(lines, _LINE_COLUMNS) for split, lines in self.splits.items()
            },
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()

    def videos(self, folder: str, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split, whose paths are names in the folder."""
        return tuple(
            Video(
                path=storage.join(folder, self.entries[line.video].name),
                name=self.entries[line.video].name,
                num_frames=line.num_frames,
                label=line.label,
                start=line.start,
                end=line.end,
                classes=line.classes,
            )
            for line in self.splits[split]
        )


def read_index(folder: str, manifest: Manifest) -> Index:
    """Reads the index that a manifest names.

    Raises:
        MissingFile: it does not exist.
        InputError: it is not what the manifest says.
        StorageError: the object storage does not answer, or denies access.
    """
    path = storage.join(folder, manifest.index.name)
    content = storage.read_file(path, f"must have the {manifest.index.name} of its manifest")

    if hashlib.sha256(content).hexdigest() != manifest.index.sha256:
        rule = "must have the index that its manifest names; it is truncated or was changed"
        raise InputError("data", rule, path)
    try:
        return _parse(json.loads(content), manifest)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        rule = f"must have an index that `tsm_tf.data.shard` wrote ({error!r})"
        raise InputError("data", rule, path) from None


def _columns(rows, names):
    return {name: [getattr(row, name) for row in rows] for name in names}


def _rows(content, names):
    return zip(*(content[name] for name in names), strict=True)


def _parse(content: Mapping, manifest: Manifest) -> Index:
    entries = tuple(Entry(*row) for row in _rows(content["videos"], _COLUMNS))
    counts = np.zeros(len(manifest.shards), np.int64)
    for entry in entries:
        _check_entry(entry, manifest)
        counts[entry.shard] += 1
    if counts.tolist() != [shard.records for shard in manifest.shards]:
        raise ValueError("the numbers of records are not those of the manifest")
    if len({entry.name for entry in entries}) < len(entries):
        raise ValueError("one name for two videos")

    splits = {}
    for split, columns in content["splits"].items():
        lines = tuple(
            Line(*row, classes=tuple(classes)) for *row, classes in _rows(columns, _LINE_COLUMNS)
        )
        for line in lines:
            _check_line(line, len(entries), len(manifest.labels))
        splits[split] = lines
    return Index(entries, splits)


def _check_entry(entry: Entry, manifest: Manifest) -> None:
    numbers = (
        *(entry.shard, entry.offset, entry.length, entry.table_at, entry.parts_at),
        *(entry.parts, entry.num_frames, entry.width, entry.height),
    )
    if any(type(number) is not int or not 0 <= number < _MAX for number in numbers):
        raise ValueError("numbers of a record")
    if type(entry.name) is not str or not _DIGEST.fullmatch(entry.digest):
        raise ValueError("a name or a digest")
    if type(entry.fps) is not float or not 0 < entry.fps < math.inf:
        raise ValueError("a frame rate")
    if not 0 < entry.width * entry.height <= MAX_PIXELS or not entry.num_frames:
        raise ValueError("a frame size or a number of frames")

    end = entry.offset + entry.length
    is_inside = entry.offset >= HEADER_BYTES and end + FOOTER_BYTES <= _size(entry, manifest)
    table_end = entry.table_at + entry.parts * TABLE_ROW.itemsize
    is_ordered = entry.offset < entry.table_at < table_end < entry.parts_at < end
    expected = _numbers_of_parts(entry.num_frames, manifest.settings)
    if not is_inside or not is_ordered or entry.parts not in expected:
        raise ValueError("places of a record")


def _numbers_of_parts(num_frames: int, settings: Settings) -> tuple[int, ...]:
    """Returns how many parts a record may have; a frame of optical flow has one or two images."""
    if settings.modality == "flow":
        return num_frames, 2 * num_frames
    return (num_frames,) if settings.encode == "jpeg" else (1,)


def _size(entry, manifest):
    if entry.shard >= len(manifest.shards):
        raise ValueError("a shard that the manifest does not name")
    return manifest.shards[entry.shard].bytes


def _check_line(line: Line, num_videos: int, num_classes: int) -> None:
    numbers = (line.video, line.num_frames, line.label, *line.classes)
    if any(type(number) is not int for number in numbers):
        raise ValueError("numbers of a line")
    if not 0 <= line.video < num_videos or not UNKNOWN_FRAMES <= line.num_frames < 2**31:
        raise ValueError("a video of a line")
    if not all(-1 <= label < num_classes for label in (line.label, *line.classes)):
        raise ValueError("a class of a line")

    end = math.inf if line.end is None else line.end
    if type(line.start) is not float or type(end) is not float or not 0 <= line.start < end:
        raise ValueError("the times of a line")
