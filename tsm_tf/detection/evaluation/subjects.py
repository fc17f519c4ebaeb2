"""What an evaluation is about: detectors and detections files, each with a short name."""

import dataclasses
import pathlib
from collections.abc import Sequence

from tsm_tf.errors import InputError, MissingFile

CHECKPOINTS, MODELS, DETECTIONS = "checkpoints", "models", "detections"
"""Kinds of subjects, named as their flags."""

_RUN_FOLDERS = ("best", "last")
_SUFFIXES = (".txt", ".tflite")
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@dataclasses.dataclass(frozen=True)
class Subject:
    """A detector, or what it has written.

    Args:
        name: its name in tables, and that of its files.
        path: checkpoint folder, exported file, or detections file.
        kind: `CHECKPOINTS`, `MODELS` or `DETECTIONS`.
    """

    name: str
    path: pathlib.Path
    kind: str


def name_subjects(
    checkpoints: Sequence[str],
    models: Sequence[str],
    detections: Sequence[str],
) -> list[Subject]:
    """Returns the subjects in the order of the flags.

    Their names are the last parts of their paths, as many as it takes to be different. The folders
    `best` and `last` in that of a training run are left out where possible.

    Raises:
        MissingFile: a path does not exist.
        InputError: there are none, or two are the same.
    """
    groups = {CHECKPOINTS: checkpoints, MODELS: models, DETECTIONS: detections}
    given = [(kind, pathlib.Path(path)) for kind, paths in groups.items() for path in paths]
    if not given:
        rule = "must name at least one detector, unless --models or --detections do"
        raise InputError(CHECKPOINTS, rule, [])
    paths = [path for _, path in given]
    if len(set(paths)) < len(paths):
        raise InputError(CHECKPOINTS, "must be different", [str(path) for path in paths])

    for kind, path in given:
        if kind == CHECKPOINTS and not path.is_dir():
            raise MissingFile(kind, "must be existing folders", str(path))
        if kind != CHECKPOINTS and not path.is_file():
            raise MissingFile(kind, "must be existing files", str(path))
    return [
        Subject(name, path, kind) for name, (kind, path) in zip(_names(paths), given, strict=True)
    ]


def _names(paths):
    """Returns short and different names for paths, which can be names of files."""
    full = [path.resolve().parts for path in paths]
    full = [(*parts[:-1], _stem(parts[-1])) for parts in full]
    short = [parts[:-1] if parts[-1] in _RUN_FOLDERS else parts for parts in full]

    for parts in (short, full):
        for count in range(1, max(map(len, parts)) + 1):
            names = [_file_name("_".join(each[-count:])) for each in parts]
            if len(set(names)) == len(names):
                return names
    return [f"{number}_{_file_name(parts[-1])}" for number, parts in enumerate(full, 1)]


def _stem(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _file_name(name: str) -> str:
    """Returns a name with `_` instead of characters that not every file system has."""
    safe = "".join(character if character in _ALLOWED else "_" for character in name)
    return safe.strip("_.") or "detector"
