"""Trains a model: `python -m tsm_tf.training --recipe=gestures --data=DIR --output=DIR`."""

import pathlib
import shlex

from absl import flags

from tsm_tf import cli, spec_flags
from tsm_tf.data import data_flags
from tsm_tf.data.augmentation_settings import AugmentationSettings
from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.errors import InputError
from tsm_tf.training import augmentation_flags, training_flags
from tsm_tf.training.recipes import MODELS, OPTIMIZERS, RECIPES, SCHEDULES, Recipe, get_recipe
from tsm_tf.training.run_folder.run_settings import MODEL_FIELDS
from tsm_tf.training.settings import ON_BAD_VIDEO, Execution, Initialization

_NOTE = "Default: the recipe's."


def define_flags():
    flags.DEFINE_enum("recipe", None, list(RECIPES), "What to train, and how.", required=True)
    data_flags.define()
    flags.DEFINE_string(
        "output",
        None,
        "Folder for the run; an interrupted run is resumed.",
        required=True,
    )
    flags.DEFINE_enum("model", None, list(MODELS), "Model of the paper, for the paper's recipes.")
    flags.DEFINE_bool(
        "quick",
        False,
        "Train a small network on small frames for two epochs, to check that the recipe runs.",
    )
    spec_flags.define(MODEL_FIELDS, _NOTE)
    _define_recipe_flags()
    _define_initialization_flags()
    _define_execution_flags()


def _define_recipe_flags():
    for name, text in (
        ("epochs", "Passes over the training videos."),
        ("batch_size", "Clips per step, on all devices together."),
        ("accumulate", "Steps whose gradients make one update: less memory for the same batch."),
        ("seed", "Seed for weights, order, crops and flips."),
    ):
        flags.DEFINE_integer(name, None, f"{text} {_NOTE}")
    for name, text in (
        ("learning_rate", "Highest learning rate."),
        ("weight_decay", "Weight decay."),
        ("warmup_epochs", "Epochs over which the learning rate rises."),
        ("clip_norm", "Largest global norm of the gradient; 0 disables clipping."),
    ):
        flags.DEFINE_float(name, None, f"{text} {_NOTE}")
    augmentation_flags.define(_NOTE)
    _define_stream_flags()
    flags.DEFINE_enum("optimizer", None, list(OPTIMIZERS), f"Optimizer. {_NOTE}")
    flags.DEFINE_enum("schedule", None, list(SCHEDULES), f"Learning-rate schedule. {_NOTE}")
    flags.DEFINE_string(
        "flips",
        None,
        "auto mirrors videos if the class names contain pairs such as left and right, which are "
        "swapped; all mirrors in any case, none never; or the path of a file with a pair of "
        f"classes per line. {_NOTE}",
    )
    flags.DEFINE_bool(
        "drop_last",
        None,
        f"Leave out the last step of an epoch if it has fewer clips. {_NOTE}",
    )
    flags.DEFINE_bool("partial_bn", None, f"Freeze all batch norms but the first. {_NOTE}")
    flags.DEFINE_bool(
        "linear_scaling",
        False,
        "Scale the recipe's learning rate with batch_size * accumulate, and warm up for five "
        "epochs (section 7.3).",
    )


def _define_stream_flags():
    note = f"For recipes that train on streams. {_NOTE}"
    flags.DEFINE_float("fps", None, f"Frames per second of the stream. {note}")
    flags.DEFINE_integer("window", None, f"Frames of a window of the stream. {note}")
    flags.DEFINE_float(
        "undecided_share",
        None,
        f"Share of each gesture, from its start, that cannot be decided yet. {note}",
    )
    flags.DEFINE_float("pause_probability", None, f"Probability of a pause. {note}")
    flags.DEFINE_integer("clip_epochs", None, f"Epochs on clips before those on streams. {note}")


def _define_initialization_flags():
    flags.DEFINE_string("init", None, "Checkpoint folder to start from, or preset:NAME.")
    flags.DEFINE_string(
        "weights",
        None,
        "Image network to start from: imagenet (for keras:NAME), or a Keras file.",
    )
    flags.DEFINE_string("teacher", None, "Larger model to distill: a folder, or preset:NAME.")
    flags.DEFINE_float(
        "distill_weight",
        Initialization.distill_weight,
        "Initial share of the teacher in the loss; it falls to 0.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_float(
        "temperature",
        Initialization.temperature,
        "Softmax temperature for distillation.",
    )


def _define_execution_flags():
    training_flags.define("clips", "videos")
    flags.DEFINE_enum(
        "on_bad_video",
        Execution.on_bad_video,
        list(ON_BAD_VIDEO),
        "Whether a video that cannot be decoded stops the training or is left out.",
    )


def main():
    values, output = flags.FLAGS, flags.FLAGS.output
    recipe = get_recipe(
        values.recipe,
        values.model,
        values.quick,
        values.linear_scaling,
        **spec_flags.read(MODEL_FIELDS),
        **_recipe_changes(),
        **training_flags.select(StreamSampling),
        **training_flags.select(AugmentationSettings),
    )
    initialization = Initialization(**training_flags.select(Initialization))
    execution = Execution(**training_flags.select(Execution))
    listing = data_flags.read("train", "val")

    from tsm_tf.training.train import train

    with training_flags.resumable(output):
        train(recipe, listing, output, initialization=initialization, execution=execution)
    _print_next_commands(recipe, data_flags.given(), pathlib.Path(output))


def _recipe_changes():
    changes = training_flags.select(Recipe)
    del changes["model"]  # the flag is the name of one
    return changes


def _print_next_commands(recipe, data_arguments, output):
    print(f"written to {output}: best/, last/, log.csv, curves.png; tensorboard --logdir={output}")
    evaluation = shlex.join([f"--checkpoint={output / 'best'}", *data_arguments])
    print(f"next:\n  python -m tsm_tf.evaluation {evaluation}")
    if recipe.streams:
        results = shlex.join([f"--output={output / 'streams'}"])
        print(f"  python -m tsm_tf.evaluation.stream {evaluation} {results}")
    try:
        recipe.model.check_streamable()
    except InputError:
        return
    export = shlex.join([f"--checkpoint={output / 'best'}", f"--output={output / 'export'}"])
    print(f"  python -m export.tflite --online {export}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
