"""Joins validation videos, one per class, into the unseen video that the demo streams."""

import pathlib

import cv2
import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.video_file import iterate_frames, probe
from tsm_tf.data.synthetic.render import write_video
from tsm_tf.files import replacing

_FPS = 15
_MAX_CLASSES = 9


def join(data_dir: pathlib.Path, output: pathlib.Path) -> list[int]:
    """Joins the first validation clip of each class into one video; returns the labels in order."""
    first = {}
    for video in Listing(data_dir).videos("val"):
        first.setdefault(video.label, video)
    chosen = [first[label] for label in sorted(first)[:_MAX_CLASSES]]

    info = probe(chosen[0].path)
    size = (info.width // 2 * 2, info.height // 2 * 2)
    frames = [frame for video in chosen for frame in _frames_at_rate(video.path, size)]
    with replacing(output) as temporary:
        write_video(temporary, np.stack(frames), _FPS)
    return [video.label for video in chosen]


def _frames_at_rate(path, size):
    """Yields a video's frames at the common rate, repeated if necessary, so that speeds stay."""
    due = 0.0
    for seconds, frame in iterate_frames(path):
        while seconds >= due - 1e-3:
            yield cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            due += 1 / _FPS


def define_flags():
    flags.DEFINE_string("data", None, "Folder with val.txt.", required=True)
    flags.DEFINE_string("output", None, "The video to write.", required=True)


def main():
    values = flags.FLAGS
    labels = join(pathlib.Path(values.data), pathlib.Path(values.output))
    print(f"written to {values.output}: one clip of each of the classes {labels}")


if __name__ == "__main__":
    cli.run(main, define_flags)
