"""A check of videos that ends its process, for tests; worker processes import it."""

import os
import pathlib

from tsm_tf.data.datasets.checking import Checked


def check(path):
    """Finds 10 frames, or ends the process if the file says so."""
    if pathlib.Path(path).read_text() == "end":
        os._exit(11)
    return Checked(path, 1, 1, 10)
