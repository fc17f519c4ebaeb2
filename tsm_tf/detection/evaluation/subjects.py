"""What an evaluation is about: detectors and detections files, each with a short name."""

import dataclasses
import pathlib
from collections.abc import Sequence

from tsm_tf.errors import InputError

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

    Their names are the last parts of their paths, as many as it takes to be different.

    Raises:
        InputError: there are none, or two are the same.
    """
    paths = [*map(pathlib.Path, checkpoints), *map(pathlib.Path, detections)]
    if not paths:
        raise InputError("checkpoints", "or detections must name at least one", [])
    if len(set(paths)) < len(paths):
        raise InputError("checkpoints", "must be different", [str(path) for path in paths])

    parts = [_parts(path) for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        names = [_file_name("_".join(each[-count:])) for each in parts]
        if len(set(names)) == len(names):
            break
    else:
        names = [f"{number}_{name}" for number, name in enumerate(names, 1)]
    return [
        Subject(name, path, number >= len(checkpoints))
        for number, (name, path) in enumerate(zip(names, paths, strict=True))
    ]


def _parts(path: pathlib.Path) -> tuple[str, ...]:
    path = path.resolve()
    return (path.with_suffix("") if path.suffix == ".txt" else path).parts


def _file_name(name: str) -> str:
    """Returns a name with `_` instead of characters that not every file system has."""
    safe = "".join(character if character in _ALLOWED else "_" for character in name)
    return safe.strip("_.") or "detector"
