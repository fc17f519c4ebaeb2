"""Shards that `python -m tsm_tf.data.shard` wrote: a folder or URI with a manifest."""

import concurrent.futures

from tsm_tf.data import storage
from tsm_tf.data.shard.index import read_index
from tsm_tf.data.shard.manifest import MANIFEST_FILE, read_manifest
from tsm_tf.data.sources.shards import Shards
from tsm_tf.data.video import Video
from tsm_tf.errors import InputError, MissingFile, shorten

_THREADS = 16  # that ask for the sizes of shards; object storage answers after some time


class ShardFolder:
    """A folder or URI with shards.

    Args:
        data: the folder or URI.

    Raises:
        MissingFile: there is no manifest, or a shard is missing.
        InputError: the manifest, the index or the size of a shard is wrong.
        StorageError: the object storage does not answer, or denies access.
    """

    def __init__(self, data: str):
        self.data = data
        self.manifest, self.digest = read_manifest(data)
        self.index = read_index(data, self.manifest)
        self.labels, self.background = self.manifest.labels, self.manifest.background
        self.source = Shards(data, self.manifest, self.index)
        self._check_sizes()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that have a list."""
        return tuple(self.index.splits)

    names_from = MANIFEST_FILE

    def describe(self, split: str) -> str:
        """Returns what a split was taken for, for people."""
        settings, shards = self.manifest.settings, self.manifest.shards
        stored = "optical flow" if settings.modality == "flow" else "video files"
        if settings.encode == "jpeg":
            frames = settings.frames or "all"
            stored = f"JPEG, short side {settings.short_side}, {frames} frames per video"
        return f"{MANIFEST_FILE}: {len(shards)} shards, {stored}"

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split, in the order of its list.

        Raises:
            MissingFile: there is no such split.
        """
        if split not in self.index.splits:
            has = ", ".join(sorted(self.index.splits))
            rule = f"must have shards of the split {split}; {MANIFEST_FILE} has: {has}"
            raise MissingFile("data", rule, self.data)
        return self.index.videos(self.data, split)

    def _check_sizes(self):
        shards = self.manifest.shards
        paths = [storage.join(self.data, shard.name) for shard in shards]
        with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
            sizes = list(pool.map(storage.size, paths))

        for shard, size in zip(shards, sizes, strict=True):
            if size is None:
                rule = f"must have every shard that {MANIFEST_FILE} names; missing: {shard.name}"
                raise MissingFile("data", rule, self.data)
            if size != shard.bytes:
                rule = (
                    f"must have the shards that {MANIFEST_FILE} names, complete and unchanged; "
                    f"{shorten(shard.name)} should have {shard.bytes:,} bytes"
                )
                raise InputError("data", rule, f"{size:,} bytes")
