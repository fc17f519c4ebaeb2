"""Folders of stored flow: `flow_x_00001.jpg` and `flow_y_00001.jpg`, a pair per flow frame."""

import multiprocessing.context
import os
import pathlib

from tsm_tf.data.flow.computed import frame_pairs
from tsm_tf.data.flow.tv_l1 import FlowEncoder
from tsm_tf.data.sampling_rate import frame_range
from tsm_tf.data.sources import Source
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.video import Video
from tsm_tf.files import replacing

_UNFINISHED = ".unfinished."


class Stopped(Exception):
    """The computation was asked to stop."""


class Tally:
    """Counts flow frames over all processes, and asks the processes to stop.

    Args:
        context: what makes the values that processes share.

    Attributes:
        computed: flow frames that were computed.
        found: flow frames from an earlier call.
        stop: is set to stop all processes after their current frame.
    """

    def __init__(self, context: multiprocessing.context.BaseContext):
        self.computed = context.Value("q")
        self.found = context.Value("q")
        self.stop = context.Event()


def write_flow(
    video: Video,
    folder: pathlib.Path,
    encoder: FlowEncoder,
    source: Source,
    tally: Tally,
) -> int:
    """Writes the flow of a video, or of its segment, into a folder.

    The folder gets its name when it is complete. What an earlier call left is continued.

    Args:
        video: the video.
        folder: the folder to write.
        encoder: computes the flow.
        source: what the frames are read from.
        tally: counts the flow frames.

    Returns:
        Number of flow frames, one less than the video has frames.

    Raises:
        Stopped: `tally.stop` is set.
        MissingFile: there is no such video.
        BadVideoError: the video cannot be decoded, or has one frame only.
    """
    if folder.is_dir():
        count = _count_pairs(folder)
        _add(tally.found, count)
        return count

    first, num_frames = frame_range(video, source)
    if num_frames < 2:
        raise BadVideoError(video.path, "one frame, between which and the next there is no flow")

    unfinished = folder.with_name(_UNFINISHED + folder.name)
    unfinished.mkdir(parents=True, exist_ok=True)
    found = min(_count_pairs(unfinished), num_frames - 1)
    _add(tally.found, found)

    if found < num_frames - 1:
        pairs = frame_pairs(video.path, source, encoder.settings, first + found, first + num_frames)
        for number, (one, other) in enumerate(pairs, found + 1):
            if tally.stop.is_set():
                raise Stopped
            for axis, content in zip("xy", encoder.encode(one, other), strict=True):
                with replacing(unfinished / _image_name(axis, number)) as temporary:
                    temporary.write_bytes(content)
            _add(tally.computed, 1)

    os.replace(unfinished, folder)
    return num_frames - 1


def _image_name(axis, number):
    return f"flow_{axis}_{number:05d}.jpg"


def _count_pairs(folder):
    """Returns how many pairs there are without a gap; y is written after x."""
    names = set(os.listdir(folder))
    count = 0
    while {_image_name(axis, count + 1) for axis in "xy"} <= names:
        count += 1
    return count


def _add(value, number):
    with value.get_lock():
        value.value += number
