"""HMDB51's annotations: a file per class and split, `<class>_test_split<N>.txt`.

Each line is `name.avi flag `. Flag 1 puts the video into the training list, 2 into the test list,
and 0 into neither.
"""

import posixpath
import re

from tsm_tf.data.datasets.annotations import (
    TRAIN,
    UNUSED,
    VAL,
    Annotations,
    Entry,
    bad_line,
    check_equal,
    lines_of,
)
from tsm_tf.data.datasets.source_tree import SourceTree

_SPLITS = {"0": UNUSED, "1": TRAIN, "2": VAL}

LOOKED_FOR = ["<class>_test_splitN.txt, with the number of the split"]


def read_annotations(tree: SourceTree, split: int) -> Annotations | None:
    """Returns the annotations in a source; None if there are none.

    Args:
        tree: the source.
        split: which files, from 1 to 3. The test videos become the validation split.

    Raises:
        InputError: they are damaged, or there are several.
    """
    pattern = re.compile(rf"([A-Za-z_]+)_test_split{split}\.txt")
    copies = [
        {
            match[1]: posixpath.join(folder, match[0])
            for match in map(pattern.fullmatch, sorted(names))
            if match
        }
        for folder, names in sorted(tree.others.items())
    ]
    copies = [files for files in copies if files]
    if not copies:
        return None

    check_equal(tree, [list(files.values()) for files in copies])
    files = copies[0]
    entries = [
        entry for label, path in files.items() for entry in parse_list(tree.read(path), label, path)
    ]
    return Annotations("Serre lab", tuple(files.values()), list(files), entries)


def parse_list(text: str, label: str, place: str) -> list[Entry]:
    """Returns the videos of one class.

    Args:
        text: the content of the file.
        label: the class.
        place: path of the file, for errors.

    Raises:
        InputError: a line is damaged.
    """
    entries = []
    for number, line in lines_of(text):
        name, _, flag = line.strip().rpartition(" ")
        if flag not in _SPLITS or not name:
            raise bad_line(f"{place}:{number}", "name.avi 1", line)
        name = name.strip()
        stem = posixpath.splitext(name)[0]
        entries.append(Entry(_SPLITS[flag], f"{label}/{name}", (stem,), label))
    return entries
