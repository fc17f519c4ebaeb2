"""The records of shards: one `tf.train.Example` per video, and where its parts lie within.

The parts are the JPEG frames, or one part that is the original file. The feature `frame_table`
has the length and the digest of each part, so a reader fetches and checks only the parts it needs.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

DIGEST_BYTES = 16
TABLE_ROW = np.dtype([("length", "<u4"), ("seconds", "<f8"), ("digest", "u1", (DIGEST_BYTES,))])
"""A row of the table: length of a part, when its frame is shown, and its digest."""
MAX_RECORD_BYTES = 2**31 - 2**20
"""Limit of a protocol buffer, less what comes beside the parts."""

HEADER_BYTES, FOOTER_BYTES = 12, 4
"""What a TFRecord has before and after each record: length and checksums."""

_TABLE, _PARTS = "frame_table", "frames"  # sorted, the table comes right before the parts


class Record(NamedTuple):
    """A record.

    Attributes:
        content: the serialized example.
        table_at: where in it the table begins.
        parts_at: where in it the parts begin.
        digest: digest of the table, hexadecimal.
    """

    content: bytes
    table_at: int
    parts_at: int
    digest: str


def digest_of(content: bytes | memoryview) -> bytes:
    """Returns the first `DIGEST_BYTES` bytes of the SHA-256."""
    return hashlib.sha256(content).digest()[:DIGEST_BYTES]


def make_record(
    parts: Sequence[bytes],
    times: np.ndarray,
    name: str,
    encoding: str,
    num_frames: int,
    fps: float,
    size: tuple[int, int],
) -> Record:
    """Returns the record of a video.

    Args:
        parts: the JPEG frames, or the original file alone.
        times: when each part is shown, in seconds, `float64 [len(parts)]`.
        name: the video's name in its list.
        encoding: `"jpeg"` or `"original"`.
        num_frames: number of frames.
        fps: frames per second.
        size: width and height of the frames.
    """
    table = np.zeros(len(parts), TABLE_ROW)
    table["length"] = [len(part) for part in parts]
    table["seconds"] = times
    table["digest"] = [np.frombuffer(digest_of(part), np.uint8) for part in parts]

    example = tf.train.Example()
    feature = example.features.feature
    feature["name"].bytes_list.value.append(name.encode())
    feature["encoding"].bytes_list.value.append(encoding.encode())
    feature["num_frames"].int64_list.value.append(num_frames)
    feature["fps"].float_list.value.append(fps)
    feature["width"].int64_list.value.append(size[0])
    feature["height"].int64_list.value.append(size[1])
    feature[_TABLE].bytes_list.value.append(table.tobytes())
    feature[_PARTS].bytes_list.value.extend(parts)
    content = example.SerializeToString(deterministic=True)

    table_at = content.index(table.tobytes())
    first = content.index(parts[0], table_at + table.nbytes)
    parts_at = first - _prefix_bytes(table["length"][:1])[0]
    return Record(content, table_at, int(parts_at), digest_of(table.tobytes()).hex())


def part_ranges(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns where each part begins, counted from the first one's prefix, and its length."""
    lengths = table["length"].astype(np.int64)
    prefixes = _prefix_bytes(lengths)
    ends = np.cumsum(lengths + prefixes)
    return ends - lengths, lengths


def _prefix_bytes(lengths):
    """Returns the bytes before each part in a protocol buffer: a tag, and a varint."""
    lengths = np.maximum(np.asarray(lengths, np.int64), 1)
    return 2 + np.floor(np.log2(lengths)).astype(np.int64) // 7
