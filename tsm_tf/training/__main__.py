"""Trains a model: `python -m tsm_tf.training --recipe=gestures --data=DIR --output=DIR`."""

import dataclasses

from absl import flags

from tsm_tf import cli
from tsm_tf.spec import NARROWEST_SHIFT, SHIFT_MODES
from tsm_tf.training.recipes import OPTIMIZERS, RECIPES, Recipe, get_recipe

_OF_RECIPE = "Default: the recipe's."


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_enum("recipe", None, list(RECIPES), "What to train, and how.", required=True)
    flags.DEFINE_string("data", None, "Folder with train.txt, val.txt, labels.txt.", required=True)
    flags.DEFINE_string("output", None, "The run's folder; one that was stopped goes on.", required=True)
    flags.DEFINE_string("init", None, "Checkpoint folder to start from.")
    flips = "auto mirrors videos and swaps their sided labels; none never does; a JSON file says which classes swap."
    flags.DEFINE_string("flips", "auto", flips)
    flags.DEFINE_enum("on_bad_video", "stop", ["stop", "skip"], "At a file that cannot be decoded.")
    flags.DEFINE_string("weights", None, "Image network to start from: imagenet (with keras:NAME), or a file of Keras.")
    flags.DEFINE_string("backbone", None, f"{', '.join(NARROWEST_SHIFT)}, or keras:NAME. {_OF_RECIPE}")
    flags.DEFINE_enum("shift_mode", None, SHIFT_MODES, _OF_RECIPE)
    flags.DEFINE_enum("optimizer", None, OPTIMIZERS, _OF_RECIPE)
    flags.DEFINE_float("width", None, f"Channel multiplier of MobileNetV2. {_OF_RECIPE}")
    flags.DEFINE_float("learning_rate", None, _OF_RECIPE)
    for name in ("num_segments", "input_size", "shift_div", "epochs", "batch_size", "seed"):
        flags.DEFINE_integer(name, None, _OF_RECIPE)


def main():
    """Trains."""
    values = flags.FLAGS
    names = {field.name for field in dataclasses.fields(Recipe)} & set(values)
    recipe = get_recipe(values.recipe, **{name: values[name].value for name in names})
    from tsm_tf.training.run import train

    try:
        options = {name: values[name].value for name in ("init", "weights", "flips", "on_bad_video")}
        train(recipe, values.data, values.output, **options)
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on with {values.output} after its last finished epoch")
        raise
    print(f"written to {values.output}: best/, last/, log.csv, curves.png; tensorboard --logdir={values.output}")


if __name__ == "__main__":
    cli.run(main, define_flags)
