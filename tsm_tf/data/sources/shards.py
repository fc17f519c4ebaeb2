"""Shards: reads frames of videos by their place in a record, locally or from object storage.

Each part of a record is checked against its digest before it is decoded. JPEG frames are decoded
only where they are cropped.
"""

import functools
import tempfile
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np
import tensorflow as tf

from tsm_tf.data import storage
from tsm_tf.data.resize import BILINEAR, resize_short_side
from tsm_tf.data.shard.index import Entry, Index
from tsm_tf.data.shard.manifest import Manifest
from tsm_tf.data.shard.records import TABLE_ROW, digest_of, part_ranges
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError, MissingFile

READ_AHEAD = 512 << 10
"""Bytes that a request to object storage reads at least; TensorFlow's buffer has this size."""

_ATTEMPTS = 3  # at reading from object storage, if what arrives is damaged
_MARGIN = 16  # pixels around a crop: JPEG blocks, whose colours are interpolated across borders


class Shards:
    """Source that reads the records of shards.

    Args:
        folder: the folder or URI of the shards.
        manifest: what it holds.
        index: where the records are.
    """

    modality = "rgb"

    def __init__(self, folder: str, manifest: Manifest, index: Index):
        self.folder, self.manifest = folder, manifest
        self._entries = {storage.join(folder, entry.name): entry for entry in index.entries}

    def num_frames(self, path: str) -> int:
        """Returns the number of frames of a video, from the index."""
        return self._entry(path).num_frames

    def fps(self, path: str) -> float:
        """Returns the frames per second of a video, from the index."""
        return self._entry(path).fps

    def times(self, path: str) -> np.ndarray:
        """Returns when each frame is shown, in seconds after the first, `float64 [num_frames]`.

        Raises:
            BadVideoError: its record is damaged.
            StorageError: the object storage does not answer, or denies access.
        """
        entry = self._entry(path)
        if self._has_frames:
            table, _ = self._read_checked(path, lambda: self._read_table(entry))
            return table["seconds"].astype(np.float64)
        return self._from_file(path, VIDEO_FILES.times)

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int,
        interpolation: str = BILINEAR,
    ) -> np.ndarray:
        """Reads and decodes frames of a video; see `Source.read`.

        Raises:
            StorageError: the object storage does not answer, or denies access.
        """
        return np.asarray(self.read_for_crop(path, indices, short_side, interpolation))

    def read_for_crop(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int,
        interpolation: str = BILINEAR,
    ) -> "np.ndarray | JpegClip":
        """Reads frames of a video; those of the stored size are decoded when they are cropped.

        Raises:
            StorageError: the object storage does not answer, or denies access.
        """
        entry, indices = self._entry(path), [int(index) for index in indices]
        if not indices or min(indices) < 0:
            raise InputError("indices", "must be frame numbers from 0, at least one", indices)
        if max(indices) >= entry.num_frames:
            raise TooFewFramesError(path, max(indices), entry.num_frames)

        if not self._has_frames:
            return self._from_file(
                path,
                lambda file: VIDEO_FILES.read(file, indices, short_side, interpolation),
            )
        unique, places = np.unique(indices, return_inverse=True)
        jpegs = self._read_checked(path, lambda: self._read_parts(entry, unique))
        clip = JpegClip(path, jpegs, places, entry.width, entry.height)

        if min(entry.width, entry.height) == short_side:
            return clip
        return np.stack([resize_short_side(f, short_side, interpolation) for f in clip.decode()])

    @property
    def _has_frames(self):
        return self.manifest.settings.encode == "jpeg"

    def _entry(self, path) -> Entry:
        if path not in self._entries:
            raise MissingFile("video", f"must be in the shards in {self.folder}", path)
        return self._entries[path]

    def _from_file(self, path, function: Callable[[str], np.ndarray]) -> np.ndarray:
        """Calls a function of the decoder with an original file."""
        entry = self._entry(path)
        (content,) = self._read_checked(path, lambda: self._read_parts(entry, np.zeros(1, int)))

        with tempfile.TemporaryDirectory(prefix="tsm_tf.") as folder:
            file = storage.join(folder, "video")
            with open(file, "wb") as opened:
                opened.write(content)
            try:
                return function(file)
            except BadVideoError as error:
                raise BadVideoError(path, error.reason) from None

    def _read_checked(self, path, read):
        """Calls a function that raises `_Damaged`, again if the network may be the cause."""
        for _ in range(_ATTEMPTS if is_uri(self.folder) else 1):
            try:
                return read()
            except _Damaged:
                continue
        self._explain(path)

    def _explain(self, path) -> NoReturn:
        """Raises an error that says what is wrong with the shard of a damaged record."""
        shard = self.manifest.shards[self._entry(path).shard]
        place = storage.join(self.folder, shard.name)
        size = storage.size(place)

        if size is None:
            raise BadVideoError(path, f"the shard {place} is missing, or access to it is denied")
        if size != shard.bytes:
            change = "was cut to" if size < shard.bytes else "has"
            reason = f"the shard {place} {change} {size:,} bytes; its manifest says {shard.bytes:,}"
            raise BadVideoError(path, reason)
        raise BadVideoError(path, f"the shard {place} was changed: a digest differs")

    def _read_table(self, entry: Entry) -> tuple[np.ndarray, bytes]:
        """Returns the table of a record's parts, and what was read after it."""
        length = entry.parts * TABLE_ROW.itemsize
        wanted = max(length, READ_AHEAD) if is_uri(self.folder) else length
        content = self._read(entry, entry.table_at, wanted)

        if digest_of(content[:length]).hex() != entry.digest:
            raise _Damaged
        return np.frombuffer(content[:length], TABLE_ROW), content

    def _read_parts(self, entry: Entry, parts: np.ndarray) -> list[bytes]:
        """Returns parts of a record; `parts` are their numbers in ascending order."""
        table, content = self._read_table(entry)
        starts, lengths = part_ranges(table)
        starts = starts + entry.parts_at
        content_at, found = entry.table_at, []

        for part in parts.tolist():
            start, length = int(starts[part]), int(lengths[part])
            if start + length > content_at + len(content):
                content_at = start
                content = self._read(entry, start, self._read_length(length))
            jpeg = content[start - content_at : start - content_at + length]
            if digest_of(jpeg) != table["digest"][part].tobytes():
                raise _Damaged
            found.append(jpeg)
        return found

    def _read_length(self, length):
        return max(length, READ_AHEAD) if is_uri(self.folder) else length

    def _read(self, entry, offset, length):
        end = entry.offset + entry.length
        shard = storage.join(self.folder, self.manifest.shards[entry.shard].name)
        return storage.read_range(shard, offset, min(length, end - offset))


class _Damaged(Exception):
    """What was read is not what was written."""


class JpegClip:
    """JPEG frames that are decoded when they are cropped, like `clip[:, y : y + h, x : x + w]`.

    The pixels are exactly those of decoding whole frames and cropping them. Any other use as an
    array decodes whole frames.

    Args:
        path: names the video in errors.
        jpegs: the distinct frames.
        places: for each frame of the clip its number in `jpegs`.
        width: width of each frame.
        height: height of each frame.

    Raises:
        BadVideoError: when decoded, if a frame is not a JPEG of this size.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(
        self,
        path: str,
        jpegs: Sequence[bytes],
        places: np.ndarray,
        width: int,
        height: int,
    ):
        self.path, self.jpegs, self.places = path, jpegs, places
        self.width, self.height = width, height

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, height, width, channels."""
        return len(self.places), self.height, self.width, 3

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, key) -> np.ndarray:
        box = _box(key, self.height, self.width)
        return self._whole[key] if box is None else self.decode(*box)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self._whole, dtype)

    def decode(
        self,
        y: int = 0,
        x: int = 0,
        height: int | None = None,
        width: int | None = None,
    ) -> np.ndarray:
        """Decodes a box of all frames, by default the whole, to RGB `uint8 [T, height, width, 3]`.

        Raises:
            BadVideoError: a frame is not a JPEG of the expected size.
        """
        height, width = height or self.height - y, width or self.width - x
        top, left = max(0, y - _MARGIN), max(0, x - _MARGIN)
        bottom = min(self.height, y + height + _MARGIN)
        right = min(self.width, x + width + _MARGIN)
        window = [top, left, bottom - top, right - left]

        frames = np.empty((len(self.jpegs), height, width, 3), np.uint8)
        for number, jpeg in enumerate(self.jpegs):
            decoded = self._decode_frame(jpeg, window)
            frames[number] = decoded[y - top :, x - left :][:height, :width]
        if np.array_equal(self.places, np.arange(len(frames))):
            return frames
        return frames[self.places]

    @functools.cached_property
    def _whole(self):
        return self.decode()

    def _decode_frame(self, jpeg, window):
        try:
            with tf.device("CPU"):
                shape = tf.image.extract_jpeg_shape(jpeg).numpy().tolist()
                if shape[:2] != [self.height, self.width]:
                    raise BadVideoError(self.path, "a frame of another size than its index says")
                return np.asarray(
                    tf.image.decode_and_crop_jpeg(
                        jpeg,
                        window,
                        channels=3,
                        dct_method="INTEGER_ACCURATE",  # the default is faster, and up to 6 off
                    )
                )
        except tf.errors.InvalidArgumentError:
            raise BadVideoError(self.path, "a frame that is not a JPEG") from None


def _box(key, height, width):
    """Returns y, x, height and width of a spatial crop of all frames; None for another index."""
    if not isinstance(key, tuple):
        return None
    if key and key[0] is Ellipsis:
        key = (slice(None), *key[1:]) if len(key) == 4 else None
    if key is None or len(key) not in (3, 4) or not all(isinstance(k, slice) for k in key):
        return None

    frames, rows, columns, *channels = key
    (top, bottom, row), (left, right, column) = rows.indices(height), columns.indices(width)
    whole = slice(None)
    if frames != whole or any(k != whole for k in channels) or (row, column) != (1, 1):
        return None
    return (top, left, bottom - top, right - left) if top < bottom and left < right else None
