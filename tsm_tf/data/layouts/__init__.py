"""Layouts of data: how the videos, their classes and their splits are written down.

Each layout is a module with a class that has the attributes of `Layout`. `find_layout` looks at
a folder or a URI and returns its layout.
"""

import os
from typing import Protocol

from tsm_tf.data.layouts.class_folders import (
    ClassFolders,
    find_split_folders,
    has_class_folders,
)
from tsm_tf.data.layouts.class_names import find_labels_file
from tsm_tf.data.layouts.folder_tree import FolderTree
from tsm_tf.data.layouts.list_files import ListFiles, lists_in
from tsm_tf.data.shard.manifest import MANIFEST_FILE
from tsm_tf.data.sources import Source
from tsm_tf.data.storage import check_scheme
from tsm_tf.data.video import Video, is_uri
from tsm_tf.errors import InputError, MissingFile


class Layout(Protocol):
    """A data folder or URI that has been recognised.

    Attributes:
        labels: the class names.
        background: the classes in which nothing happens; None if the data do not name them.
        source: what the frames of the videos are read from.
        digest: SHA-256 of everything that decides which videos and classes there are.
        splits: those of `train`, `val` and `test` that there are.
        names_from: where the class names are from, for people.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def background(self) -> tuple[str, ...] | None: ...

    @property
    def source(self) -> Source: ...

    @property
    def digest(self) -> str: ...

    @property
    def splits(self) -> tuple[str, ...]: ...

    @property
    def names_from(self) -> str: ...

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split; see `Listing.videos`."""
        ...

    def describe(self, split: str) -> str:
        """Returns what a split was taken for, for people."""
        ...


def find_layout(data: str, val_share: float | None = None, allow_outside: bool = False) -> Layout:
    """Returns the layout of a data folder or URI.

    A manifest of shards comes first, then lists: with them, folders may have any names.

    Args:
        data: the folder or URI.
        val_share: the share of each class for validation, in (0, 1), for a folder per class.
        allow_outside: whether paths and links may lead out of the folder.

    Raises:
        MissingFile: nothing there is known.
        InputError: its labels are bad, or `val_share` is out of range, given for a layout that has
            splits, or missing for one that has none.
    """
    if val_share is not None and not 0 < val_share < 1:
        raise InputError("val_share", "must be above 0 and below 1", val_share)

    if is_uri(data) or os.path.isfile(os.path.join(data, MANIFEST_FILE)):
        check_scheme(data)
        if val_share is not None:
            raise InputError("val_share", "must be given only for a folder per class", val_share)
        from tsm_tf.data.layouts.shards import ShardFolder  # loads TensorFlow

        return ShardFolder(data)

    tree = FolderTree(data, allow_outside)
    has_lists = bool(lists_in(tree))
    if not has_lists and (
        find_split_folders(tree)
        or (has_class_folders(tree) and (val_share is not None or not find_labels_file(tree)))
    ):
        return ClassFolders(tree, val_share)

    if val_share is not None:
        raise InputError("val_share", "must be given only for a folder per class", val_share)
    if has_lists or find_labels_file(tree):
        return ListFiles(tree)

    rule = (
        "must be a folder with lists (train.txt, val.txt, labels.txt), or with a folder per class "
        "(train/<class>, val/<class>, or <class> with --val_share)"
    )
    if os.path.isfile(data):
        raise InputError("data", f"{rule}, not a file", data)
    raise MissingFile("data", rule, data)
