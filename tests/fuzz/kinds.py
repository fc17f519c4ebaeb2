"""The kinds of input that are mutated. Each is a class in a module of its own.

A kind has a static method `write_originals(folder)` and is made from that folder. Its method
`run(folder, rng)` writes a mutation into an empty folder and reads it as the project does. It
returns a word or two that start with "read". It raises `InputError` if the project does, and
`AssertionError` if frames are not those of the file.
"""

import importlib
import pathlib

KINDS = {
    # kind: its class, and its share of the mutations
    "videos": ("fuzz.video_files:VideoFilesKind", 6),
    "lists": ("fuzz.list_files:ListFilesKind", 2),
    "frame folders": ("fuzz.frame_folders:FrameFoldersKind", 2),
    "shards": ("fuzz.shards:ShardsKind", 1),
}


def find_kind(name: str) -> type:
    """Returns the class of a kind in `KINDS`, or of `module:class`."""
    module, _, attribute = (name if ":" in name else KINDS[name][0]).partition(":")
    return getattr(importlib.import_module(module), attribute)


def load_kind(name: str, originals: pathlib.Path):
    """Returns a kind with its originals."""
    return find_kind(name)(originals / name)


def write_originals(folder: pathlib.Path, names) -> None:
    """Writes the originals of kinds, for all processes."""
    for name in names:
        (folder / name).mkdir()
        find_kind(name).write_originals(folder / name)


def shares(count: int) -> dict[str, int]:
    """Returns the number of mutations of each kind; their sum is `count`."""
    total = sum(share for _, share in KINDS.values())
    numbers = {name: count * share // total for name, (_, share) in KINDS.items()}
    first = next(iter(numbers))
    numbers[first] += count - sum(numbers.values())
    return numbers
