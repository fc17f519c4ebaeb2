"""Finds the file, or the folder of frames, of each video that the annotations name."""

import dataclasses
import os
import posixpath
import re
from collections.abc import Sequence

from tsm_tf.data.datasets.annotations import UNUSED, Annotations, Entry
from tsm_tf.data.datasets.catalogue import plain_name
from tsm_tf.data.datasets.readers import Reader
from tsm_tf.data.datasets.source_tree import SourceTree

_FLOW = re.compile(r"(^|[-_ /])flow(/|$)", re.IGNORECASE)
"""Folders of optical flow, as `20bn-something-something-v2-flow`; its images look like frames."""

FILES, FOLDERS = "video files", "folders of frames"


@dataclasses.dataclass(frozen=True)
class Match:
    """A video of the annotations and where it may be.

    Args:
        entry: the video.
        paths: where it is, below the source: the best copy first, at least one.
        num_replacements: how many of the first paths stand in for the others.
    """

    entry: Entry
    paths: tuple[str, ...]
    num_replacements: int = 0


@dataclasses.dataclass
class Matches:
    """What `match` finds. All lists are sorted but `found` and `missing`.

    Args:
        kind: `FILES` or `FOLDERS`: a list holds only one of them.
        found: the videos that are there, in the order of the annotations.
        unused: how many videos the annotations put into no list.
        missing: names of videos that are not there.
        duplicates: names of videos that the annotations have twice, and paths of copies in the
            kind that is not listed.
        extra: paths of videos that the annotations do not name.
        ignored: paths of all other files but the annotations.
    """

    kind: str
    found: list[Match] = dataclasses.field(default_factory=list)
    unused: int = 0
    missing: list[str] = dataclasses.field(default_factory=list)
    duplicates: list[str] = dataclasses.field(default_factory=list)
    extra: list[str] = dataclasses.field(default_factory=list)
    ignored: list[str] = dataclasses.field(default_factory=list)


def match(annotations: Annotations, tree: SourceTree, reader: Reader) -> Matches:
    """Finds the videos of the annotations.

    Args:
        annotations: the videos that should be there.
        tree: the source. Folders that are named like a video and belong to none are opened.
        reader: how the data set names files.
    """
    known = {key for entry in annotations.entries for key in entry.keys}
    tree.open_folders([path for path in tree.frame_folders if reader.key(path) not in known])
    places = {
        FILES: _index(tree.video_files, reader, has_suffix=True),
        FOLDERS: _index(
            [path for path in tree.frame_folders if not _FLOW.search(path)],
            reader,
            has_suffix=False,
        ),
    }

    kind, other = FILES, FOLDERS
    if _count(annotations, places[FOLDERS]) > _count(annotations, places[FILES]):
        kind, other = FOLDERS, FILES

    matches = Matches(kind)
    listed: set[str] = set()
    claimed: set[str] = set()
    for entry in annotations.entries:
        if entry.name in listed:
            matches.duplicates.append(entry.name)
            continue
        listed.add(entry.name)

        paths = _paths_of(entry, places[kind], claimed)
        copies = _paths_of(entry, places[other], claimed)
        if entry.split == UNUSED:
            claimed.update(paths, copies)
            matches.unused += 1
        elif not paths:
            matches.missing.append(entry.name)  # its copies of the other kind are extra
        else:
            claimed.update(paths, copies)
            matches.duplicates += copies
            paths = _without_aliases(paths, tree)
            keys = [reader.key(posixpath.splitext(path)[0]) for path in paths]
            matches.found.append(Match(entry, paths, sum(map(reader.is_replacement, keys))))

    matches.extra = sorted({*tree.video_files, *tree.frame_folders} - claimed)
    matches.ignored = sorted(
        {posixpath.join(folder, name) for folder, names in tree.others.items() for name in names}
        - {*annotations.files}
    )
    matches.duplicates.sort()
    return matches


def _index(paths, reader, has_suffix) -> dict[str, list[str]]:
    """Returns the sorted paths with each key."""
    index = {}
    for path in sorted(paths):
        key = reader.key(posixpath.splitext(path)[0] if has_suffix else path)
        index.setdefault(key, []).append(path)
    return index


def _count(annotations, index):
    return sum(any(key in index for key in entry.keys) for entry in annotations.entries)


def _paths_of(entry: Entry, index, claimed) -> tuple[str, ...]:
    """Returns where a video may be: by its best key first, then in the folder of its class."""
    label = plain_name(entry.label or "")

    def is_elsewhere(path):
        return plain_name(posixpath.basename(posixpath.dirname(path))) != label

    paths = [
        path
        for key in entry.keys
        for path in sorted(index.get(key, ()), key=is_elsewhere)
        if path not in claimed
    ]
    return tuple(dict.fromkeys(paths))


def _without_aliases(paths: Sequence[str], tree: SourceTree) -> tuple[str, ...]:
    """Returns the paths without links to another one of them."""
    if len(paths) == 1:
        return tuple(paths)

    kept, real_paths = [], set()
    for path in sorted(paths, key=lambda path: os.path.islink(tree.source / path)):
        real_path = os.path.realpath(tree.source / path)
        if real_path not in real_paths:
            real_paths.add(real_path)
            kept.append(path)
    return tuple(path for path in paths if path in kept)
