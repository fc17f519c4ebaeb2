"""Output folders: a command writes only into a new folder, or into one of its own.

Each command leaves a marker, a JSON file that says what the folder holds (its subject). The same
command may come back to the folder, to resume or to update; any other content is never overwritten.
"""

import json
import os
import pathlib
import reprlib
from collections.abc import Mapping

from tsm_tf.errors import InputError
from tsm_tf.files import write_text

_MAX_MARKER_BYTES = 16 << 20


def check_new(folder: pathlib.Path, argument: str = "output") -> None:
    """Raises unless a folder does not exist yet or holds nothing but hidden files.

    Raises:
        InputError: it is a file, or holds something.
    """
    if os.path.lexists(folder) and not folder.is_dir():  # a link that leads nowhere is no folder
        raise InputError(argument, "must be a folder", str(folder))
    if folder.is_dir() and any(not child.name.startswith(".") for child in folder.iterdir()):
        raise InputError(argument, "must be a new or empty folder", str(folder))


def check_subject(
    folder: pathlib.Path,
    marker: str,
    subject: Mapping[str, object],
    argument: str = "output",
) -> bool:
    """Raises unless a folder is new, empty, or belongs to the same subject.

    Args:
        folder: the output folder.
        marker: name of the JSON file in it that holds the subject; further keys in it are ignored.
        subject: what is about to be written, as JSON values.
        argument: what errors call the folder.

    Returns:
        Whether the folder belongs to the subject already.

    Raises:
        InputError: it belongs to another subject (the first difference is named), or holds
            something else.
    """
    found = read_marker(folder / marker, argument)
    if found is None:
        check_new(folder, argument)
        return False
    for name, value in json.loads(json.dumps(subject)).items():
        if name not in found or found[name] != value:
            has = reprlib.repr(found.get(name))
            rule = f"must be a new folder for another {name}; {folder} has {has}"
            raise InputError(argument, rule, value)
    return True


def read_marker(path: pathlib.Path, argument: str = "output") -> dict[str, object] | None:
    """Returns the content of a folder's marker; None if there is no such file.

    Raises:
        InputError: the file cannot be read, or is not a JSON object.
    """
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_MARKER_BYTES:
            raise ValueError("it is too large")
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        rule = f"must have a readable {path.name} ({error}), or be a new folder"
        raise InputError(argument, rule, str(path.parent)) from None


def claim(
    folder: pathlib.Path,
    marker: str,
    subject: Mapping[str, object],
    argument: str = "output",
) -> bool:
    """Creates a folder and its marker, after `check_subject`; returns and raises as it does."""
    if check_subject(folder, marker, subject, argument):
        return True
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / marker, json.dumps(subject, indent=2, ensure_ascii=False) + "\n")
    return False
