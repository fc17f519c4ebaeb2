"""MMAction2's JSON lists: `{filename, label}` or `{frame_dir, total_frames, label}` per video."""

import json
from typing import TYPE_CHECKING

from tsm_tf.data.text_file import read_text
from tsm_tf.data.video import UNKNOWN_FRAMES
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    from tsm_tf.data.layouts.list_reader import ListContent, ListReader

_RULE = (
    "must be a list of objects with filename, or with frame_dir and total_frames, and with label, "
    "a number or a list of numbers"
)


def read(path: str, reader: "ListReader") -> "ListContent":
    """Returns the content of a JSON list.

    Raises:
        MissingFile: a listed video does not exist.
        InputError: it is not such a list, or as in `ListReader.read`.
    """
    text = read_text(path, "data", "must be a folder with lists")
    try:
        return reader.read_entries([_entry(value) for value in json.loads(text)])
    except InputError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError("data", f"{_RULE}; see {path}", repr(error)) from None


def _entry(value) -> tuple[str, int, tuple[int, ...]]:
    """Returns the name, the number of frames and the classes of a video."""
    name = value["filename"] if "filename" in value else value["frame_dir"]
    num_frames = value.get("total_frames", UNKNOWN_FRAMES)
    labels = value["label"] if isinstance(value["label"], list) else [value["label"]]
    if not isinstance(name, str) or not labels:
        raise ValueError(value)
    if not all(type(number) is int for number in (num_frames, *labels)):
        raise ValueError(value)
    return name, num_frames, tuple(labels)
