"""Renders a video that is longer than those of the training, the unseen stream of the demo.

It has three objects, one of which at least is fast. It is enlarged, so that compression does not
hide the marks that single frames show.
"""

import itertools
import pathlib

import cv2
import numpy as np
from absl import flags

from tsm_tf import cli
from tsm_tf.data.synthetic.render import write_video
from tsm_tf.detection.data.synthetic.scene import Scene
from tsm_tf.detection.evaluation.motion_iou import motion_iou
from tsm_tf.detection.evaluation.vid_ap import FAST

FPS = 10

_ENLARGEMENT = 3
_NUM_OBJECTS = 3
_SEED = 2019  # other numbers than those of the data set, which start with its seed and its split


def render_unseen(output: pathlib.Path, num_frames: int) -> None:
    """Writes the video, H.264 at 10 frames per second."""
    frames = _draw(num_frames)
    size = frames.shape[2] * _ENLARGEMENT, frames.shape[1] * _ENLARGEMENT
    large = [cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST) for frame in frames]
    write_video(output, np.stack(large), FPS)


def _draw(num_frames):
    """Returns the frames of the first scene that is suitable."""
    numbers = itertools.count()
    while True:
        scene = Scene((_SEED, next(numbers)), num_frames)
        if len(scene.shapes) == _NUM_OBJECTS:
            frames, objects = scene.frames()
            if _has_fast_object(objects):
                return frames


def _has_fast_object(objects):
    drawn = [(t, each) for t, in_frame in enumerate(objects) for each in in_frame]
    frames, tracks = np.array([(t, each.track) for t, each in drawn]).T
    motion = motion_iou(frames, tracks, np.array([each.box for _, each in drawn]))
    return (motion <= FAST.motion[1]).mean() > 1 / (2 * _NUM_OBJECTS)


def define_flags():
    flags.DEFINE_string("output", None, "The video to write.", required=True)
    flags.DEFINE_integer("num_frames", 120, "Number of frames.", lower_bound=1)


def main():
    values = flags.FLAGS
    render_unseen(pathlib.Path(values.output), values.num_frames)
    print(f"written to {values.output}: {values.num_frames} frames")


if __name__ == "__main__":
    cli.run(main, define_flags)
