"""Shards: reads frames of videos by their place in a record, locally or from object storage.

Each part of a record is checked against its digest before it is decoded.
"""

import tempfile
from collections.abc import Callable, Sequence
from typing import NoReturn

import numpy as np

from tsm_tf.data import storage
from tsm_tf.data.resize import BILINEAR, resize_short_side
from tsm_tf.data.shard.index import Entry, Index
from tsm_tf.data.shard.manifest import Manifest
from tsm_tf.data.shard.records import TABLE_ROW, digest_of, part_ranges
from tsm_tf.data.sources.bad_video import BadVideoError, TooFewFramesError
from tsm_tf.data.sources.flow_folder import decode_flow
from tsm_tf.data.sources.jpeg_clip import JpegClip
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import is_uri
from tsm_tf.errors import InputError, MissingFile

READ_AHEAD = 512 << 10
"""Bytes that a request to object storage reads at least; TensorFlow's buffer has this size."""

_REMOTE_READS = 16  # at once: most of the time they wait for an answer
_ATTEMPTS = 3  # at reading from object storage, if what arrives is damaged


class Shards:
    """Source that reads the records of shards.

    Args:
        folder: the folder or URI of the shards.
        manifest: what it holds.
        index: where the records are.

    Attributes:
        parallel_reads: how many clips to load at once.
    """

    def __init__(self, folder: str, manifest: Manifest, index: Index):
        self.folder, self.manifest = folder, manifest
        self.modality = manifest.settings.modality
        self.parallel_reads = _REMOTE_READS if is_uri(folder) else 1
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
            return table["seconds"][:: entry.parts // entry.num_frames].astype(np.float64)
        return self._from_file(path, VIDEO_FILES.times)

    def read(
        self,
        path: str,
        indices: Sequence[int],
        short_side: int | None,
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
        short_side: int | None,
        interpolation: str = BILINEAR,
    ) -> np.ndarray | JpegClip:
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
        if self.modality == "flow":
            frames = self._read_flow(path, entry, unique, short_side, interpolation)
            return frames[places]
        jpegs = self._read_checked(path, lambda: self._read_parts(entry, unique))
        clip = JpegClip(path, jpegs, places, entry.width, entry.height)

        if short_side in (None, min(entry.width, entry.height)):
            return clip
        return np.stack([resize_short_side(f, short_side, interpolation) for f in clip.decode()])

    def _read_flow(self, path, entry: Entry, indices, short_side, interpolation) -> np.ndarray:
        """Reads frames of optical flow, each of which has one image, or two, for x and y."""
        number = entry.parts // entry.num_frames
        parts = (indices[:, np.newaxis] * number + np.arange(number)).ravel()
        images = self._read_checked(path, lambda: self._read_parts(entry, parts))

        frames = []
        for place, index in enumerate(indices.tolist()):
            own = images[place * number : (place + 1) * number]
            names = {f"image {part} of frame {index}": image for part, image in enumerate(own)}
            frame = decode_flow(names, path)
            if frame.shape[:2] != (entry.height, entry.width):
                raise BadVideoError(path, "a frame of another size than its index says")
            if short_side:
                frame = resize_short_side(frame, short_side, interpolation)
            frames.append(frame)
        return np.stack(frames)

    @property
    def _has_frames(self):
        return self.manifest.settings.encode == "jpeg" or self.modality == "flow"

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
