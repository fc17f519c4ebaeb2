"""Makes the videos of a list from its rows, and checks the numbers."""

import math

from tsm_tf.data.layouts.folder_tree import FILE
from tsm_tf.data.layouts.list_lines import parse_integer, parse_labels, several_classes
from tsm_tf.data.layouts.list_rows import Row
from tsm_tf.data.video import NO_CLASS_KNOWN, UNKNOWN_FRAMES, Video

_MAX_FRAMES = 2**31  # two years; more would overflow when frames are sampled


class BadLine(ValueError):
    """A line with a number that is not allowed.

    Args:
        rule: what must hold, as in `InputError`.
        received: the number.
    """

    def __init__(self, rule: str, received: object):
        super().__init__(rule)
        self.rule, self.received = rule, received


def make_video(row: Row, num_classes: int, fps: float) -> Video:
    """Returns the video of a row with one label field.

    Args:
        row: with up to three numbers; see `list_reader` for what they mean.
        num_classes: labels must be below.
        fps: frames per second of folders of images.

    Raises:
        BadLine: a number is out of range.
        ValueError: a number is not of the kind that it must be.
    """
    *numbers, labels = row.numbers or [str(NO_CLASS_KNOWN)]
    classes = parse_labels(labels)
    num_frames, start, end = UNKNOWN_FRAMES, 0.0, None

    if len(numbers) == 1:
        num_frames = parse_integer(numbers[0])
        if (num_frames, classes) == (0, (NO_CLASS_KNOWN,)):  # as in VideoMAE's lists
            num_frames = UNKNOWN_FRAMES
        _check_num_frames(num_frames)
    elif len(numbers) == 2 and row.kind == FILE:
        start, end = map(float, numbers)
    elif len(numbers) == 2:
        first, count = map(parse_integer, numbers)
        _check_num_frames(count)
        start, end = first / fps, (first + count) / fps

    if end is not None and not 0 <= start < end < math.inf:
        rule = "must have segments from 0 s on that end after their start"
        raise BadLine(rule, " ".join(row.numbers))

    _check_classes(classes, num_classes)
    label, several = classes[0], classes if len(classes) > 1 else ()
    return Video(row.path, row.name, num_frames, label, start, end, several)


def make_multi_label_video(row: Row, num_classes: int, _fps: float) -> Video:
    """Returns the video of a row that has its classes with spaces between them.

    A folder of images has its number of frames before them.

    Raises:
        BadLine: a number is out of range.
        ValueError: a number is not an integer, or a class is repeated.
    """
    numbers, num_frames = list(row.numbers), UNKNOWN_FRAMES
    if row.kind != FILE:
        num_frames = parse_integer(numbers.pop(0))
        _check_num_frames(num_frames)

    classes = several_classes(numbers)
    _check_classes(classes, num_classes)
    return Video(row.path, row.name, num_frames, classes[0], classes=classes)


def _check_num_frames(count):
    if not 1 <= count < _MAX_FRAMES and count != UNKNOWN_FRAMES:
        rule = "must have num_frames of at least 1, or -1 if unknown, below 2**31"
        raise BadLine(rule, count)


def _check_classes(classes, num_classes):
    for label in classes:
        if not NO_CLASS_KNOWN <= label < num_classes:
            rule = f"must have labels from 0 to {num_classes - 1}, or -1 if not known"
            raise BadLine(rule, label)
    if len(set(classes)) < len(classes):
        raise BadLine("must not repeat a class of a video", classes)
