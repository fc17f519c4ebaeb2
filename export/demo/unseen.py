"""Joins validation videos, one of each class, into the unseen video that the demo streams."""

import os
import pathlib

from absl import flags

from tsm_tf import cli

_FPS = 15
_MAX_CLASSES = 9


def join(data_dir: pathlib.Path, output: pathlib.Path) -> list[int]:
    """Writes one video of the first validation clip of each class; returns their labels in order."""
    import cv2
    import numpy as np

    from tsm_tf.data.listing import Listing
    from tsm_tf.data.sources.video_file import iterate_frames, probe
    from tsm_tf.data.synthetic.render import write_video

    first = {}
    for video in Listing(data_dir).videos("val"):
        first.setdefault(video.label, video)
    chosen = [first[label] for label in sorted(first)[:_MAX_CLASSES]]
    info = probe(chosen[0].path)
    size = (info.width // 2 * 2, info.height // 2 * 2)
    frames = []
    for video in chosen:
        due = 0.0
        for seconds, frame in iterate_frames(video.path):
            while (
                seconds >= due - 1e-3
            ):  # every clip at one rate, so that its motion keeps its speed
                frames.append(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
                due += 1 / _FPS
    temporary = output.with_name(f"writing.{output.name}")
    write_video(temporary, np.stack(frames), _FPS)
    os.replace(temporary, output)
    return [video.label for video in chosen]


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string("data", None, "Folder with val.txt.", required=True)
    flags.DEFINE_string("output", None, "The video to write.", required=True)


def main():
    """Joins."""
    values = flags.FLAGS
    labels = join(pathlib.Path(values.data), pathlib.Path(values.output))
    print(f"written to {values.output}: one clip each of classes {labels}")


if __name__ == "__main__":
    cli.run(main, define_flags)
