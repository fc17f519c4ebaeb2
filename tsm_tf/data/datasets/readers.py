"""The reader of each data set's annotations."""

import dataclasses
import posixpath
from collections.abc import Callable, Sequence

from tsm_tf.data.datasets import hmdb51, jester, kinetics, something, ucf101
from tsm_tf.data.datasets.annotations import Annotations
from tsm_tf.data.datasets.source_tree import SourceTree
from tsm_tf.errors import MissingFile


def _is_replacement(key: str) -> bool:
    return False


@dataclasses.dataclass(frozen=True)
class Reader:
    """How a data set is read.

    Args:
        read: returns the annotations in a source for the number of a split; None if there are
            none.
        looked_for: the names of its annotation files, for errors.
        key: returns what a video is found by, from its path without suffix; see `Entry.keys`.
        is_replacement: whether a key is that of a file that stands in for another.
    """

    read: Callable[[SourceTree, int], Annotations | None]
    looked_for: Sequence[str]
    key: Callable[[str], str] = posixpath.basename
    is_replacement: Callable[[str], bool] = _is_replacement


READERS = {
    "kinetics": Reader(
        kinetics.read_annotations,
        kinetics.LOOKED_FOR,
        kinetics.key,
        kinetics.is_replacement,
    ),
    "sthv1": Reader(something.read_annotations_v1, something.LOOKED_FOR_V1),
    "sthv2": Reader(something.read_annotations_v2, something.LOOKED_FOR_V2),
    "jester": Reader(jester.read_annotations, jester.LOOKED_FOR),
    "ucf101": Reader(ucf101.read_annotations, ucf101.LOOKED_FOR, ucf101.key),
    "hmdb51": Reader(hmdb51.read_annotations, hmdb51.LOOKED_FOR),
}
"""By the names in `catalogue.DATA_SETS`."""


def read_annotations(tree: SourceTree, name: str, title: str, split: int) -> Annotations:
    """Returns a data set's annotations in a source.

    Args:
        tree: the source.
        name: the data set, by its name in `READERS`.
        title: how errors call it.
        split: the number of the split.

    Raises:
        MissingFile: there are none; says what was looked for, and which data set is there.
        InputError: they are damaged, or there are several.
    """
    annotations = READERS[name].read(tree, split)
    if annotations is not None:
        return annotations

    looked_for = "; or ".join(READERS[name].looked_for)
    rule = f"must hold the annotations of {title}, in any of its folders: {looked_for}"
    for other, reader in READERS.items():
        if reader.read(tree, split) is not None:
            rule += f" (it holds those of --dataset={other})"
    raise MissingFile("source", rule, str(tree.source))
