"""The rate of folders of images, which have none of their own."""

import math
import os

from tsm_tf.data.layouts.folder_tree import FolderTree
from tsm_tf.data.sources.frame_folder import DEFAULT_FPS
from tsm_tf.data.text_file import read_text
from tsm_tf.errors import InputError

RATE_FILE = "rate.txt"
"""Frames per second of all folders of images in a data folder, such as `12`."""

_MAX_FPS = 1000


def read_rate(tree: FolderTree) -> float:
    """Returns the number in `rate.txt`, or `DEFAULT_FPS` if there is no such file.

    Raises:
        InputError: it is not a number above 0, of at most 1,000.
    """
    path = tree.path(RATE_FILE)
    if not os.path.isfile(path):
        return DEFAULT_FPS
    tree.check_inside(path)

    rule = f"must have one number above 0, of at most {_MAX_FPS:,}, in {path}"
    text = read_text(path, "data", rule).strip()
    try:
        fps = float(text)
    except ValueError:
        fps = math.nan
    if not 0 < fps <= _MAX_FPS:
        raise InputError("data", rule, text)
    return fps
