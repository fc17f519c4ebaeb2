"""Class names of a data folder, in the files in which data sets publish them."""

import collections
import os
import re

from tsm_tf.data.layouts.folder_tree import FolderTree
from tsm_tf.data.text_file import read_lines
from tsm_tf.errors import InputError

LABELS_FILE = "labels.txt"
LABELS_FILES = (LABELS_FILE, "category.txt", "classInd.txt")
"""One name per line; TSM's; UCF101's, with numbers from 1. The first that exists is read."""
BACKGROUND_FILE = "background.txt"

_NUMBERED = LABELS_FILES[2]
_MAX_NAME = 1000  # characters
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # they would act on the terminal


def find_labels_file(tree: FolderTree) -> str | None:
    """Returns the path of the file with the class names; None if there is none."""
    for name in LABELS_FILES:
        if os.path.lexists(tree.path(name)):  # a broken link is an error, not a missing file
            return tree.path(name)
    return None


def read_labels(path: str, tree: FolderTree) -> tuple[str, ...]:
    """Returns the class names in a file.

    Raises:
        MissingFile: there is no such file.
        InputError: it has no names, one name twice, or an endless or unprintable name, or is a
            link that leaves the data folder.
    """
    tree.check_inside(path)
    lines = [line.strip() for line in read_lines(path)]
    labels = tuple(line for line in lines if line)
    if os.path.basename(path) == _NUMBERED:
        labels = _without_numbers(labels, path)

    check_names(labels, path)
    return labels


def check_names(labels: tuple[str, ...], path: str) -> None:
    """Raises unless class names are distinct, short and printable.

    Raises:
        InputError: names the bad ones; `path` is where they are from.
    """
    repeated = sorted(label for label, count in collections.Counter(labels).items() if count > 1)
    if not labels or repeated:
        rule = f"must have distinct class names, at least one, in {path}"
        raise InputError("data", rule, repeated)

    for label in labels:
        if len(label) > _MAX_NAME or _CONTROL.search(label):
            rule = (
                f"must have class names of at most {_MAX_NAME:,} characters, without control "
                f"characters, in {path}"
            )
            raise InputError("data", rule, label)


def read_background(tree: FolderTree, labels: tuple[str, ...]) -> tuple[str, ...] | None:
    """Returns the names in `background.txt`; None if there is no such file.

    Raises:
        InputError: a name is not a class.
    """
    path = tree.path(BACKGROUND_FILE)
    if not os.path.isfile(path):
        return None
    tree.check_inside(path)

    known = frozenset(labels)
    names = tuple(line.strip() for line in read_lines(path) if line.strip())
    for name in names:
        if name not in known:
            raise InputError("data", f"must have names of {LABELS_FILE} in {path}", name)
    return names


def _without_numbers(lines, path):
    """Returns the names of lines `number name`, which are numbered from 1 in order."""
    names = []
    for number, line in enumerate(lines, 1):
        found, _, name = line.partition(" ")
        if found != str(number):
            rule = f"must have lines `number name`, with numbers from 1 in order, in {path}"
            raise InputError("data", rule, line)
        names.append(name.strip())
    return tuple(names)
