"""Layouts of data: how the videos, their classes and their splits are written down.

Each layout is a module with a class that has the attributes of `Layout`. `find_layout` looks at
a folder or a URI and returns its layout.
"""

import os
from typing import Protocol

from tsm_tf.data.layouts.list_files import ListFiles
from tsm_tf.data.shard.manifest import MANIFEST_FILE
from tsm_tf.data.sources import Source
from tsm_tf.data.storage import check_scheme
from tsm_tf.data.video import Video, is_uri


class Layout(Protocol):
    """A data folder or URI that has been recognised.

    Attributes:
        labels: the class names.
        background: the classes in which nothing happens; None if the data do not name them.
        source: what the frames of the videos are read from.
        digest: SHA-256 of everything that decides which videos and classes there are.
        splits: those of train, val and test that there are.
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

    def videos(self, split: str) -> tuple[Video, ...]:
        """Returns the videos of a split; see `Listing.videos`."""
        ...


def find_layout(data: str) -> Layout:
    """Returns the layout of a data folder or URI.

    Raises:
        MissingFile: nothing there is known.
        InputError: its labels are bad.
    """
    if is_uri(data) or os.path.isfile(os.path.join(data, MANIFEST_FILE)):
        check_scheme(data)
        from tsm_tf.data.layouts.shards import ShardFolder  # loads TensorFlow

        return ShardFolder(data)
    return ListFiles(data)
