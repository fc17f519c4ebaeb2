"""Trains a detector: `python -m tsm_tf.detection.training --recipe=shapes --data=DIR --output=DIR`.

The data folder has annotated videos in ImageNet-VID's layout, or COCO-VID JSON. See the recipes'
docstrings in `tsm_tf/detection/recipes.py` for whole commands.
"""

import pathlib
import shlex

from absl import flags

from tsm_tf import cli
from tsm_tf.catalogue import known_backbones
from tsm_tf.detection.recipes import RECIPES, get_recipe
from tsm_tf.detector_spec import METHODS, POOLINGS
from tsm_tf.spec import SHIFT_MODES, SHIFT_PLACES
from tsm_tf.training import training_flags
from tsm_tf.training.recipes.recipe import OPTIMIZERS, SCHEDULES
from tsm_tf.training.settings import Execution, Initialization

_NOTE = "Default: the recipe's."
_ENUMS = {
    "method": (METHODS, "R-FCN, or FGFA, which also aggregates features along optical flow."),
    "shift_mode": (SHIFT_MODES, "Direction of the shift; none detects in each frame on its own."),
    "shift_place": (SHIFT_PLACES, "Shift in the residual branch, or before the block."),
    "pooling": (POOLINGS, "How regions are pooled: the mean of cells, or of bilinear samples."),
    "optimizer": (OPTIMIZERS, "Optimizer."),
    "schedule": (SCHEDULES, "Learning-rate schedule."),
}
_INTEGERS = {
    "num_segments": "Frames per sample.",
    "input_height": "Height of a frame in pixels.",
    "input_width": "Width of a frame in pixels.",
    "shift_div": "1/shift_div of the channels move in each direction.",
    "num_proposals": "Regions per frame.",
    "max_detections": "Detections per frame.",
    "flow_channels": "FGFA: channels of FlowNet's first convolution, 64 in the original.",
    "window_radius": "FGFA: frames before and after a frame that a test aggregates.",
    "epochs": "Passes over the training samples.",
    "batch_size": "Samples per step, on all devices together.",
    "frozen_stages": "Stages of the backbone that are frozen.",
    "frame_stride": "Distance of a sample's frames in the video.",
    "max_offset": "FGFA: largest distance of a sample's other frames.",
    "max_boxes": "Objects per frame that are trained at most.",
    "seed": "Seed for weights, order, samples and flips.",
}
_NUMBERS = {
    "width": "Channel multiplier of MobileNets and BNInception.",
    "learning_rate": "Highest learning rate.",
    "weight_decay": "Weight decay.",
    "warmup_epochs": "Epochs over which the learning rate rises.",
    "clip_norm": "Largest global norm of the gradient; 0 disables clipping.",
}


def define_flags():
    flags.DEFINE_enum("recipe", None, list(RECIPES), "What to train, and how.", required=True)
    flags.DEFINE_string(
        "data",
        None,
        "Folder of annotated videos: ImageNet-VID's layout, or COCO-VID JSON.",
        required=True,
    )
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the run; an interrupted run is resumed.",
        required=True,
    )
    _define_recipe_flags()
    flags.DEFINE_string("init", None, "Folder of a detector to start from; its shift may differ.")
    flags.DEFINE_string(
        "weights",
        None,
        "What the backbone starts from: imagenet, a file, preset:NAME, or a checkpoint folder.",
    )
    training_flags.define("samples", "frames")


def _define_recipe_flags():
    flags.DEFINE_string("backbone", None, f"Network of frames: {known_backbones()}. {_NOTE}")
    for name, (choices, text) in _ENUMS.items():
        flags.DEFINE_enum(name, None, list(choices), f"{text} {_NOTE}")
    for name, text in _INTEGERS.items():
        flags.DEFINE_integer(name, None, f"{text} {_NOTE}")
    for name, text in _NUMBERS.items():
        flags.DEFINE_float(name, None, f"{text} {_NOTE}")
    flags.DEFINE_bool("freeze_batch_norms", None, f"Freeze all batch norms. {_NOTE}")


def main():
    values, output = flags.FLAGS, pathlib.Path(flags.FLAGS.output)
    names = ("backbone", "freeze_batch_norms", *_ENUMS, *_INTEGERS, *_NUMBERS)
    recipe = get_recipe(values.recipe, **{name: values[name].value for name in names})
    initialization = Initialization(**training_flags.select(Initialization))
    execution = Execution(**training_flags.select(Execution))

    from tsm_tf.detection.training.train import train

    with training_flags.resumable(output):
        train(recipe, values.data, output, initialization=initialization, execution=execution)

    print(f"written to {output}: best/, last/, log.csv, curves.png; tensorboard --logdir={output}")
    checkpoint = [f"--data={values.data}", f"--output={output / 'evaluation'}"]
    evaluation = shlex.join([f"--checkpoints={output / 'last'}", *checkpoint])
    print(f"next:\n  python -m tsm_tf.detection.evaluation {evaluation}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
