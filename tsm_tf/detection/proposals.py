"""Writes the boxes that region-graph networks need: a detector's best proposals in each video.

    python -m tsm_tf.detection.proposals --checkpoint=DIR --data=DIR --output=DIR/boxes.npz

`--data` is a data folder for training classifiers. Put the file into it as `boxes.npz`, and
`i3d_r50_gcn` trains on it. A video has `--times` rows of boxes, evenly spread, each with the best
`--boxes` proposals of its middle frame. Proposals have no class, so a detector for other objects
than those of the data will do.

A detector without a shift looks at those frames only, one with a shift at the whole video. To
resume an interrupted run, or to add the videos of longer lists, run the same command again.
"""

import os
import pathlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.data import data_flags
from tsm_tf.data.modality import source_of
from tsm_tf.data.progress_line import ProgressLine
from tsm_tf.data.sources import Source
from tsm_tf.detection.boxes_file import read_boxes_file, write_boxes_file
from tsm_tf.errors import InputError

if TYPE_CHECKING:
    from tsm_tf.detection.rfcn import DetectorModel

_FRAMES_PER_READ = 32
_SECONDS_BETWEEN_SAVES = 60.0
_SHARE_OF_TIME = 0.05  # that saving may take


def middle_frames(num_frames: int, times: int) -> np.ndarray:
    """Returns the middle frame of each of some equal parts of a video, `int64 [times]`.

    Args:
        num_frames: length of the video.
        times: number of parts.
    """
    return ((np.arange(times) + 0.5) * num_frames / times).astype(np.int64)


def video_boxes(
    model: "DetectorModel",
    source: Source,
    path: str,
    times: int,
    count: int,
) -> np.ndarray:
    """Returns the best proposals of a video, `float32 [times, count, 4]`, best first.

    They are x1, y1, x2, y2 relative to the width and height of the frames, from 0 to 1.

    Args:
        model: an R-FCN detector.
        source: what the frames are read from.
        path: the video, as in `Video.path`.
        times: rows, evenly spread over the video.
        count: boxes per row; at most the detector's `num_proposals`.

    Raises:
        MissingFile: there is no such video.
        BadVideoError: it cannot be read.
    """
    from tsm_tf.detection.detect import propose_video

    wanted = middle_frames(source.num_frames(path), times)
    numbers = np.unique(wanted)
    if model.spec.shift_mode != "none":
        numbers = np.arange(wanted[-1] + 1)

    sides = []
    frames = _read(source, path, numbers, sides)
    rows = {}
    for number, boxes in zip(numbers, propose_video(model, frames), strict=True):
        if number in wanted:
            rows[number] = (boxes[:count] / sides[0]).clip(0, 1)
    return np.stack([rows[number] for number in wanted])


def _read(source, path, numbers, sides) -> Iterator[np.ndarray]:
    """Yields frames; appends their width and height, twice, to `sides`."""
    for first in range(0, len(numbers), _FRAMES_PER_READ):
        frames = source.read(path, numbers[first : first + _FRAMES_PER_READ], None)
        if not sides:
            height, width = frames.shape[1:3]
            sides.append(np.array([width, height, width, height], np.float32))
        yield from frames


def define_flags():
    flags.DEFINE_string("checkpoint", None, "Folder of a detector's checkpoint.", required=True)
    data_flags.define()
    flags.DEFINE_string("output", None, "File for the boxes, such as boxes.npz.", required=True)
    flags.DEFINE_list("splits", None, "Lists of videos, with commas; all by default.")
    flags.DEFINE_integer("times", 16, "Rows of boxes per video.", lower_bound=1)
    flags.DEFINE_integer("boxes", 10, "Boxes per row.", lower_bound=1)


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    if output.suffix != ".npz":
        raise InputError("output", "must be a file name that ends with .npz", values.output)

    listing = data_flags.read(*(values.splits or ()))
    videos = {
        video.name: video.path
        for split in values.splits or listing.layout.splits
        for video in listing.videos(split)
    }

    from tsm_tf.detection.checkpoint import load_detector, load_detector_spec
    from tsm_tf.evaluation.evaluate import checkpoint_digest

    spec = load_detector_spec(values.checkpoint)
    if values.boxes > spec.num_proposals:
        rule = f"must be at most the detector's {spec.num_proposals} proposals"
        raise InputError("boxes", rule, values.boxes)
    settings = {
        "checkpoint": checkpoint_digest(values.checkpoint),
        "data": os.path.abspath(values.data),
        "times": values.times,
        "boxes": values.boxes,
    }
    boxes = read_boxes_file(output, settings)
    missing = [name for name in videos if name not in boxes]
    if missing:
        source = source_of(listing, "rgb")
        model = load_detector(values.checkpoint)
        _add_boxes(output, settings, boxes, model, source, {name: videos[name] for name in missing})
    print(
        f"written to {output}: {values.boxes} boxes at {values.times} times of {len(boxes)} videos"
    )


def _add_boxes(output, settings, boxes, model, source, videos):
    """Computes the boxes of further videos, and saves what is finished every minute."""
    total = len(boxes) + len(videos)
    progress = ProgressLine(total, "videos", "searched", len(boxes))
    saved, wait, done = time.monotonic(), _SECONDS_BETWEEN_SAVES, len(boxes)
    try:
        for name, path in videos.items():
            boxes[name] = video_boxes(model, source, path, settings["times"], settings["boxes"])
            progress.show(len(boxes))
            started = time.monotonic()
            if started - saved > wait:
                write_boxes_file(output, settings, boxes)
                saved, done = time.monotonic(), len(boxes)
                wait = max(wait, (saved - started) / _SHARE_OF_TIME)
    finally:
        if len(boxes) > done:
            write_boxes_file(output, settings, boxes)


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
