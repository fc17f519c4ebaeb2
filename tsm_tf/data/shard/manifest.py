"""The manifest of a folder of shards: what the folder holds. It is published last."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping

from tsm_tf.data import storage
from tsm_tf.data.shard.settings import Settings
from tsm_tf.errors import InputError

MANIFEST_FILE = "shards.json"
INDEX_FILE = "index.json"
FORMAT = "tsm_tf shards, version 1"

_SHARD_NAME = re.compile(r"[a-z0-9]+-\d{5}-of-\d{5}\.tfrecord")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_BYTES = 2**53


@dataclasses.dataclass(frozen=True)
class File:
    """A file that the manifest names.

    Args:
        name: its name in the folder.
        bytes: its size.
        sha256: its digest, hexadecimal.
        records: number of its records.
    """

    name: str
    bytes: int
    sha256: str
    records: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a folder of shards holds.

    Args:
        data_digest: the digest of the lists that the shards were made from.
        settings: how they were made.
        labels: the class names.
        background: the classes in which nothing happens, or None.
        index: the file with the videos, their records and the lists of the splits.
        shards: the shards.
        left_out: name and reason for each video that could not be read.
    """

    data_digest: str
    settings: Settings
    labels: tuple[str, ...]
    background: tuple[str, ...] | None
    index: File
    shards: tuple[File, ...]
    left_out: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Returns the content of the manifest's file."""
        content = {"format": FORMAT, **dataclasses.asdict(self)}
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def find_manifest(folder: str) -> tuple[Manifest, str] | None:
    """Returns the manifest of a folder or URI and its SHA-256; None if it has none.

    Raises:
        InputError: a file of that name is not a manifest.
        StorageError: the object storage does not answer, or denies access.
    """
    path = storage.join(folder, MANIFEST_FILE)
    if not storage.size(path):
        return None
    return read_manifest(folder)


def read_manifest(folder: str) -> tuple[Manifest, str]:
    """Returns the manifest of a folder or URI and its SHA-256.

    Raises:
        MissingFile: the folder has none.
        InputError: it is damaged.
        StorageError: the object storage does not answer, or denies access.
    """
    path = storage.join(folder, MANIFEST_FILE)
    content = storage.read_file(path, f"must have {MANIFEST_FILE}")
    try:
        manifest = _parse(json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        rule = f"must have a {MANIFEST_FILE} that `tsm_tf.data.shard` wrote, undamaged ({error})"
        raise InputError("data", rule, path) from None
    return manifest, hashlib.sha256(content).hexdigest()


def _parse(content: Mapping) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")

    labels, background = content["labels"], content["background"]
    shards = tuple(_parse_file(shard) for shard in content["shards"])
    names = [shard.name for shard in shards]
    if len(set(names)) < len(names) or not all(map(_SHARD_NAME.fullmatch, names)):
        raise ValueError("names of shards")

    index = _parse_file(content["index"])
    if index.name != INDEX_FILE:
        raise ValueError("the index")

    return Manifest(
        data_digest=str(content["data_digest"]),
        settings=Settings(**content["settings"]),
        labels=_parse_names(labels),
        background=None if background is None else _parse_names(background),
        index=index,
        shards=shards,
        left_out=dict(content["left_out"]),
    )


def _parse_file(content: Mapping) -> File:
    file = File(content["name"], content["bytes"], content["sha256"], content["records"])
    counts = (file.bytes, file.records)
    if any(type(count) is not int or not 0 <= count < _MAX_BYTES for count in counts):
        raise ValueError("sizes")
    if not isinstance(file.name, str) or not _SHA256.fullmatch(file.sha256):
        raise ValueError("digests")
    return file


def _parse_names(names: list) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("names of classes")
    return tuple(names)
