"""Trains a model: `python -m tsm_tf.training --recipe=gestures --data=DIR --output=DIR`."""

import dataclasses
import pathlib
import shlex

from absl import flags

from tsm_tf import cli
from tsm_tf.catalogue import known_backbones
from tsm_tf.spec import SHIFT_MODES
from tsm_tf.training.recipes import MODELS, OPTIMIZERS, RECIPES, SCHEDULES, Recipe, get_recipe

_OF_RECIPE = "Default: the recipe's."
_START = ("init", "weights", "teacher", "distill_weight", "temperature")
_EXECUTION = (
    *("strategy", "mixed_precision", "jit_compile", "sync_batch_norm"),
    *("checkpoint_steps", "profile", "on_bad_video", "cache_mib"),
)


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_enum("recipe", None, list(RECIPES), "What to train, and how.", required=True)
    flags.DEFINE_string("data", None, "Folder with train.txt, val.txt, labels.txt.", required=True)
    flags.DEFINE_string(
        "output", None, "The run's folder; one that was stopped goes on.", required=True
    )
    flags.DEFINE_enum(
        "model", None, list(MODELS), "The paper's model that a recipe of the paper trains."
    )
    flags.DEFINE_bool(
        "quick", False, "A small network, small frames, two epochs: does it run on this data?"
    )
    _define_recipe_flags()
    flags.DEFINE_string("init", None, "Checkpoint folder to start from.")
    flags.DEFINE_string(
        "weights",
        None,
        "Image network to start from: imagenet (with keras:NAME), or a file of Keras.",
    )
    flags.DEFINE_string("teacher", None, "Checkpoint folder of a larger model to distill.")
    flags.DEFINE_float(
        "distill_weight",
        0.5,
        "Share of the teacher in the loss at first; it falls to 0.",
        lower_bound=0,
        upper_bound=1,
    )
    flags.DEFINE_float("temperature", 2.0, "Of the distillation.")
    strategies = ("auto", "mirrored", "multi_worker", "tpu", "none")
    flags.DEFINE_enum(
        "strategy", "auto", strategies, "Devices: this machine's, several machines', a TPU, or one."
    )
    flags.DEFINE_enum(
        "mixed_precision", None, ("float16", "bfloat16"), "Of the layers; weights stay float32."
    )
    flags.DEFINE_bool("jit_compile", None, "XLA. Default: Keras decides.")
    flags.DEFINE_bool("sync_batch_norm", False, "Batch norms see the clips of all devices.")
    flags.DEFINE_integer(
        "checkpoint_steps", 500, "Steps between saved states within an epoch; 0: none.", 0
    )
    flags.DEFINE_bool("profile", False, "Writes a trace of some steps for TensorBoard.")
    flags.DEFINE_integer(
        "cache_mib", 1024, "Memory for decoded videos, which the next epochs need not decode.", 0
    )
    flags.DEFINE_enum("on_bad_video", "stop", ["stop", "skip"], "At a file that cannot be decoded.")


def _define_recipe_flags():
    flips = "auto mirrors videos and swaps their sided labels; none never does; a JSON file says which classes swap."
    flags.DEFINE_string("flips", None, f"{flips} {_OF_RECIPE}")
    flags.DEFINE_string("backbone", None, f"{known_backbones()}. {_OF_RECIPE}")
    flags.DEFINE_enum("shift_mode", None, SHIFT_MODES, _OF_RECIPE)
    flags.DEFINE_enum("optimizer", None, OPTIMIZERS, _OF_RECIPE)
    flags.DEFINE_enum("schedule", None, SCHEDULES, _OF_RECIPE)
    flags.DEFINE_float("width", None, f"Channel multiplier of MobileNetV2. {_OF_RECIPE}")
    flags.DEFINE_bool(
        "drop_last", None, f"Leaves out an epoch's last step if it has fewer clips. {_OF_RECIPE}"
    )
    flags.DEFINE_bool("partial_bn", None, f"Freezes all batch norms but the first. {_OF_RECIPE}")
    scaling = "Scales the recipe's rate with batch_size * accumulate, and warms up for five epochs (section 7.3)."
    flags.DEFINE_bool("linear_scaling", False, scaling)
    for name in ("learning_rate", "weight_decay", "dropout", "warmup_epochs", "clip_norm"):
        flags.DEFINE_float(name, None, _OF_RECIPE)
    flags.DEFINE_integer(
        "accumulate", None, "Steps' gradients that make one update: less memory, the same batch."
    )
    for name in ("num_segments", "input_size", "shift_div", "epochs", "batch_size", "seed"):
        flags.DEFINE_integer(name, None, _OF_RECIPE)


def main():
    """Trains."""
    values = flags.FLAGS
    names = {field.name for field in dataclasses.fields(Recipe)} & set(values)
    changes = {name: values[name].value for name in names}
    recipe = get_recipe(values.recipe, values.model, values.quick, values.linear_scaling, **changes)
    from tsm_tf.training.run_folder.callbacks import Preempted
    from tsm_tf.training.train import Execution, Start, train

    start = Start(**{name: values[name].value for name in _START})
    execution = Execution(**{name: values[name].value for name in _EXECUTION})
    try:
        train(recipe, values.data, values.output, start=start, execution=execution)
    except KeyboardInterrupt:
        print(f"\nstopped; the same command goes on with {values.output} after its newest state")
        raise
    except Preempted:
        print(
            f"\nstopped by SIGTERM, saved; the same command goes on with {values.output} exactly there"
        )
        return
    best = pathlib.Path(values.output) / "best"
    print(
        f"written to {values.output}: best/, last/, log.csv, curves.png; tensorboard --logdir={values.output}"
    )
    print(f"next:\n  python -m tsm_tf.evaluation {_flags(checkpoint=best, data=values.data)}")
    if recipe.shift_mode != "bidirectional" and not recipe.non_local:
        exported = pathlib.Path(values.output) / "export"
        print(f"  python -m export.tflite --online {_flags(checkpoint=best, output=exported)}")


def _flags(**values):
    return shlex.join(f"--{name}={value}" for name, value in values.items())


if __name__ == "__main__":
    cli.run(main, define_flags)
