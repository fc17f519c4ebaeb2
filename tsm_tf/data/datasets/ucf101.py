"""UCF101's annotations: `classInd.txt`, `trainlist0N.txt` and `testlist0N.txt`.

Files are `<Class>/v_<Class>_g<group>_c<clip>.avi`. One class is spelled in two ways: its folder is
`HandstandPushups` and its files begin with `v_HandStandPushups`; in another archive, they begin
with `v_HandstandPushups`. So files are found without regard to case.
"""

import posixpath

from tsm_tf.data.datasets.annotations import (
    TRAIN,
    VAL,
    Annotations,
    Entry,
    Variant,
    bad_line,
    find_variant,
    lines_of,
)
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.errors import InputError

_CLASSES = "classes"

LOOKED_FOR = ["classInd.txt, trainlist0N.txt, testlist0N.txt, with the number of the split"]


def read_annotations(tree: SourceTree, split: int) -> Annotations | None:
    """Returns the annotations in a source; None if there are none.

    Args:
        tree: the source.
        split: which pair of lists, from 1 to 3. Its test list becomes the validation split.

    Raises:
        InputError: they are damaged, or there are several.
    """
    variant = Variant(
        "UCF",
        {
            _CLASSES: "classInd.txt",
            TRAIN: f"trainlist{split:02d}.txt",
            VAL: f"testlist{split:02d}.txt",
        },
        needed=(_CLASSES,),
    )
    found = find_variant(tree, [variant])
    if found is None:
        return None

    _, files = found
    numbers = parse_classes(tree.read(files[_CLASSES]), files[_CLASSES])
    entries = [
        entry
        for role in (TRAIN, VAL)
        if role in files
        for entry in parse_list(tree.read(files[role]), role, files[role], numbers)
    ]
    return Annotations(variant.title, tuple(files.values()), list(numbers), entries)


def parse_classes(text: str, place: str) -> dict[str, int]:
    """Returns the number of each class, from 1, in the order of `classInd.txt`.

    Raises:
        InputError: a line is damaged.
    """
    numbers = {}
    for line_number, line in lines_of(text):
        number, _, name = line.strip().partition(" ")
        if not number.isdecimal() or not name:
            raise bad_line(f"{place}:{line_number}", "1 ApplyEyeMakeup", line)
        numbers[name.strip()] = int(number)
    return numbers


def parse_list(text: str, split: str, place: str, numbers: dict[str, int]) -> list[Entry]:
    """Returns the videos of a list with lines `Class/file.avi number`, or without the number.

    Args:
        text: its content.
        split: the split that it lists.
        place: its path, for errors.
        numbers: what `parse_classes` returned.

    Raises:
        InputError: a line is damaged, or its number is not that of its class.
    """
    entries = []
    for line_number, line in lines_of(text):
        path, _, number = line.strip().partition(" ")
        label, _, file = path.partition("/")
        if not file or (number and not number.isdecimal()):
            raise bad_line(f"{place}:{line_number}", "Class/v_Class_g01_c01.avi 1", line)
        if number and numbers.get(label) != int(number):
            rule = f"must give each class its number in classInd.txt; see {place}:{line_number}"
            raise InputError("source", rule, line)
        entries.append(Entry(split, path, (key(posixpath.splitext(path)[0]),), label))
    return entries


def key(path: str) -> str:
    """Returns what a file or folder is found by: its name in small letters."""
    return posixpath.basename(path).lower()
