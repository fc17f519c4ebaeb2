"""The folder of each video in a data folder of flow."""

import collections
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence

from tsm_tf.data.video import Video, is_uri
from tsm_tf.errors import InputError

Key = tuple[str, float, float | None]
"""Path, start and end: what decides the flow of a video, or of a segment of it."""

FLOW_FOLDER = "flow"


def key_of(video: Video) -> Key:
    """Returns what decides the flow of a video; lists may have a video several times."""
    return video.path, video.start, video.end


def folder_names(videos: Iterable[Video]) -> dict[Key, str]:
    """Returns a folder for each video, relative to the data folder.

    Folders are named like the videos, without the suffix unless two videos then share a folder,
    or one folder holds another. Videos from elsewhere are named from their common folder on.

    Args:
        videos: the videos of all lists.

    Raises:
        InputError: two videos have the same name.
    """
    distinct = {key_of(video): video for video in videos}
    whole = _whole_names(list(distinct.values()))

    short = {key: _without_suffix(name, key[0]) for key, name in whole.items()}
    taken = collections.Counter(short.values())
    parents = {parent for name in short.values() for parent in _parents(name)}
    names = {
        key: whole[key] if taken[name] > 1 or name in parents else name
        for key, name in short.items()
    }

    _check_distinct(names)
    return {key: posixpath.join(FLOW_FOLDER, name) for key, name in names.items()}


def _whole_names(videos: Sequence[Video]) -> dict[Key, str]:
    """Returns names with suffixes, all of them below one folder."""
    outside = [video.path for video in videos if _is_outside(video.name)]
    root = os.path.commonpath([os.path.dirname(path) for path in outside]) if outside else ""
    names = {}

    for video in videos:
        name = video.name
        if _is_outside(name):
            name = os.path.relpath(video.path, root).replace(os.sep, "/")
        if video.end is not None:
            stem, suffix = posixpath.splitext(name)
            name = f"{stem}_{video.start:g}_{video.end:g}{suffix}"
        names[key_of(video)] = posixpath.normpath(name)

    return names


def _is_outside(name):
    return is_uri(name) or os.path.isabs(name) or ".." in name.split("/")


def _without_suffix(name, path):
    return name if os.path.isdir(path) else posixpath.splitext(name)[0]


def _parents(name):
    while name := posixpath.dirname(name):
        yield name


def _check_distinct(names: Mapping[Key, str]) -> None:
    counts = collections.Counter(names.values())
    parents = {parent for name in names.values() for parent in _parents(name)}

    for key, name in names.items():
        if counts[name] > 1 or name in parents:
            rule = f"must have videos whose folders of flow differ; several need {name}"
            raise InputError("data", rule, key[0])
