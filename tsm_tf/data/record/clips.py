"""The clips of a recording, and where they are: `train/<class>/NNN.mp4`, `val/<class>/NNN.mp4`."""

import dataclasses
import pathlib
import unicodedata
from collections.abc import Sequence

from tsm_tf.errors import InputError

TRAIN, VAL = "train", "val"
_VAL_EVERY = 5
_MIN_CLIPS = 2  # one to train on and one to validate
_MAX_CLIPS = 999
_MAX_NAME = 200  # bytes; file systems allow 255
_BAD_CHARACTERS = '<>:"/\\|?*'  # on Windows
_DEVICES = ("con", "prn", "aux", "nul")  # on Windows, also with digits: com1, lpt1
_BACKGROUND = ("nothing", "none", "background", "idle", "no gesture", "doing other things")


@dataclasses.dataclass(frozen=True)
class Clip:
    """A clip that is to be recorded.

    Attributes:
        label: its class.
        number: its number in the class, from 1.
        count: number of clips of the class.
        path: the file. A clip that was recorded with another count may be in the other split.
    """

    label: str
    number: int
    count: int
    path: pathlib.Path

    @property
    def title(self) -> str:
        """The clip for people: `wave 3/20`."""
        return f"{self.label} {self.number}/{self.count}"


def check_classes(names: Sequence[str]) -> tuple[str, ...]:
    """Returns class names without spaces around them, each of which can name a folder.

    Raises:
        InputError: fewer than two names, one name twice (in upper or lower case), or a name that no
            folder can have on Linux, macOS or Windows.
    """
    classes = tuple(unicodedata.normalize("NFC", name.strip()) for name in names)
    if len(classes) < 2:
        raise InputError("classes", "must be at least two names, with commas", classes)

    for name in classes:
        _check_name(name)
    if len({name.casefold() for name in classes}) < len(classes):
        rule = "must be distinct, also where upper and lower case are the same"
        raise InputError("classes", rule, classes)
    return classes


def _check_name(name):
    stem = name.partition(".")[0].casefold().rstrip("0123456789")
    is_device = stem in _DEVICES or (stem in ("com", "lpt") and name[3:4].isdigit())
    is_printable = name.isprintable() and not set(_BAD_CHARACTERS) & set(name)
    if (
        not is_printable
        or is_device
        or not 0 < len(name.encode()) <= _MAX_NAME
        or name.startswith(".")
        or name.endswith(".")
    ):
        rule = (
            f"must be names of folders: 1 to {_MAX_NAME} bytes, without control characters and "
            f"{' '.join(_BAD_CHARACTERS)}, without a dot at either end, and no name of a device"
        )
        raise InputError("classes", rule, name)


def check_background(names: Sequence[str] | None, classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes in which nothing happens.

    Args:
        names: their names; None takes the classes whose names say so, such as `nothing`.
        classes: all class names.

    Raises:
        InputError: a name is not a class, or all classes are background.
    """
    if names is None:
        background = tuple(name for name in classes if name.casefold() in _BACKGROUND)
    else:
        background = tuple(unicodedata.normalize("NFC", name.strip()) for name in names)
    for name in background:
        if name not in classes:
            raise InputError("background", f"must be names in classes={classes}", name)
    if set(background) == set(classes):
        raise InputError("background", "must leave at least one class", background)
    return background


def plan_clips(folder: pathlib.Path, classes: Sequence[str], count: int) -> list[Clip]:
    """Returns the clips of a recording, class by class.

    Every fifth clip is for validation, or the last one if there are fewer than five.

    Args:
        folder: the data folder.
        classes: the class names.
        count: clips per class.

    Raises:
        InputError: too few clips, or more than three digits can number.
    """
    if not _MIN_CLIPS <= count <= _MAX_CLIPS:
        raise InputError("clips", f"must be from {_MIN_CLIPS} to {_MAX_CLIPS}", count)
    return [
        Clip(label, number, count, _path(folder, label, number, count))
        for label in classes
        for number in range(1, count + 1)
    ]


def missing_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Returns the clips that are not recorded yet."""
    return [clip for clip in clips if not clip.path.exists()]


def newest_clip(clips: Sequence[Clip]) -> Clip | None:
    """Returns the clip that was recorded last, or None."""
    recorded = [clip for clip in clips if clip.path.exists()]
    return max(recorded, key=lambda clip: clip.path.stat().st_mtime_ns, default=None)


def _path(folder, label, number, count):
    """Returns where a clip is, or where it belongs if it does not exist."""
    is_val = number % _VAL_EVERY == 0 or (count < _VAL_EVERY and number == count)
    splits = (VAL, TRAIN) if is_val else (TRAIN, VAL)
    paths = [folder / split / label / f"{number:03d}.mp4" for split in splits]
    return next((path for path in paths if path.exists()), paths[0])
