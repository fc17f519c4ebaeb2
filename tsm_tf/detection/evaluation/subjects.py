"""What an evaluation is about: detectors and detections files, each with a short name."""

import dataclasses
import pathlib
from collections.abc import Sequence

from tsm_tf.errors import InputError, MissingFile

_RUN_FOLDERS = ("best", "last")
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclasses.dataclass(frozen=True)
class Subject:
    """A detector, or what it has written.

    Args:
        name: its name in tables, and that of its files.
        path: checkpoint folder, or detections file.
        is_file: whether it is a detections file.
    """

    name: str
    path: pathlib.Path
    is_file: bool


def name_subjects(checkpoints: Sequence[str], detections: Sequence[str]) -> list[Subject]:
    """Returns the subjects in the order of the flags.

    Their names are the last parts of their paths, as many as it takes to be different. The folders
    `best` and `last` in that of a training run are left out where possible.

    Raises:
        MissingFile: a path does not exist.
        InputError: there are none, or two are the same.
    """
    paths = [*map(pathlib.Path, checkpoints), *map(pathlib.Path, detections)]
    if not paths:
        raise InputError("checkpoints", "or detections must name at least one", [])
    if len(set(paths)) < len(paths):
        raise InputError("checkpoints", "must be different", [str(path) for path in paths])

    subjects = []
    for number, (name, path) in enumerate(zip(_names(paths), paths, strict=True)):
        is_file = number >= len(checkpoints)
        if is_file and not path.is_file():
            raise MissingFile("detections", "must be existing files", str(path))
        if not is_file and not path.is_dir():
            raise MissingFile("checkpoints", "must be existing folders", str(path))
        subjects.append(Subject(name, path, is_file))
    return subjects


def _names(paths):
    """Returns short and different names for paths, which can be names of files."""
    full = [path.resolve().parts for path in paths]
    full = [(*parts[:-1], parts[-1].removesuffix(".txt")) for parts in full]
    short = [parts[:-1] if parts[-1] in _RUN_FOLDERS else parts for parts in full]

    for parts in (short, full):
        for count in range(1, max(map(len, parts)) + 1):
            names = [_file_name("_".join(each[-count:])) for each in parts]
            if len(set(names)) == len(names):
                return names
    return [f"{number}_{_file_name(parts[-1])}" for number, parts in enumerate(full, 1)]


def _file_name(name: str) -> str:
    """Returns a name with `_` instead of characters that not every file system has."""
    safe = "".join(character if character in _ALLOWED else "_" for character in name)
    return safe.strip("_.") or "detector"
