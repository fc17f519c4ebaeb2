"""Writes the boxes that a region-graph network reads, video by video.

The format is that of `tsm_tf.data.boxes`, with one more array, `settings`, so that the same command
can continue an unfinished file.
"""

import io
import json
import pathlib
import zipfile
from collections.abc import Mapping

import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.files import replacing

_DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile)

Settings = Mapping[str, object]


def read_boxes_file(path: pathlib.Path, settings: Settings) -> dict[str, np.ndarray]:
    """Returns the boxes that a file has already.

    Args:
        path: the file; it need not exist.
        settings: what decides the boxes, as JSON values.

    Returns:
        `float32 [times, R, 4]` by the name of the video.

    Raises:
        InputError: the file has other settings, or was not written by `write_boxes_file`.
    """
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = dict(json.loads(str(arrays["settings"])))
            boxes = dict(zip(arrays["names"].tolist(), arrays["boxes"], strict=True))
    except _DAMAGED:
        rule = "must be a new file, or one that this command wrote"
        raise InputError("output", rule, str(path)) from None

    for name, value in json.loads(json.dumps(settings)).items():
        if found.get(name) != value:
            rule = f"must be a new file for another {name}; {path} has {found.get(name)!r}"
            raise InputError("output", rule, value)
    return boxes


def write_boxes_file(
    path: pathlib.Path,
    settings: Settings,
    boxes: Mapping[str, np.ndarray],
) -> None:
    """Writes the boxes of some videos, atomically; creates the folder if necessary.

    Args:
        path: the file; it is replaced.
        settings: what `read_boxes_file` compares.
        boxes: at least one video's, `float32 [times, R, 4]`, by its name.
    """
    buffer = io.BytesIO()  # numpy cannot close its archive on a full disk
    np.savez(
        buffer,
        settings=np.array(json.dumps(settings)),
        names=np.array(list(boxes)),
        boxes=np.stack(list(boxes.values())),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
