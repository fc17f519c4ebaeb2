"""Training steps in Keras for `benchmarks.training_step`: one step per line on standard input.

    python -m benchmarks.keras_step --backbone=resnet50 --batch_size=2

The recipe, the compiled model and `model.fit` are those of a training on Something-Something; the
clips are random. The process prints a line before each step. At the end of its input it prints its
peak memory in bytes.
"""

import contextlib
import os
import resource
import sys

from absl import flags

from tsm_tf import cli
from tsm_tf.spec import SHIFT_MODES, ModelSpec

NUM_CLASSES = 174
STRATEGIES = ("none", "multi_worker")


def train(spec: ModelSpec, batch_size: int, strategy: str) -> None:
    """Trains a step per line on standard input; ends the process when there are no more lines."""
    import keras
    import numpy as np
    import tensorflow as tf

    from tsm_tf.devices import pick_devices
    from tsm_tf.training.distributed import prepared
    from tsm_tf.training.model import make_model
    from tsm_tf.training.recipes import get_recipe
    from tsm_tf.training.settings import Execution, Initialization

    class WaitForLine(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            print("ready", flush=True)
            if not sys.stdin.readline():
                print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, flush=True)
                os._exit(0)  # a worker's shutdown waits for the others

    recipe = get_recipe(
        "something_v1",
        backbone=spec.backbone,
        shift_mode=spec.shift_mode,
        input_size=spec.input_size,
    )
    devices = pick_devices(strategy)

    shape = (batch_size, spec.num_segments, spec.input_size, spec.input_size, spec.channels)
    clips = np.random.default_rng(devices.share.index).integers(0, 256, shape, dtype=np.uint8)
    dataset = tf.data.Dataset.from_tensors((clips, np.arange(batch_size))).repeat()

    with contextlib.redirect_stdout(sys.stderr):  # standard output is for the answers
        model = make_model(spec, recipe, Initialization(), Execution(), devices, steps=1000)
    with prepared(model, devices, dataset.element_spec):
        model.fit(
            devices.distribute(dataset),
            steps_per_epoch=100_000,
            callbacks=[WaitForLine()],
            verbose=0,
        )


def define_flags():
    flags.DEFINE_string("backbone", "resnet50", "Backbone of the model.")
    flags.DEFINE_enum("shift_mode", "bidirectional", SHIFT_MODES, "Shift of the model.")
    flags.DEFINE_integer("input_size", 224, "Height and width of a frame.", lower_bound=32)
    flags.DEFINE_integer("batch_size", 2, "Clips per step.", lower_bound=1)
    flags.DEFINE_enum("strategy", "none", STRATEGIES, "Whether TF_CONFIG names other workers.")


def main():
    values = flags.FLAGS
    spec = ModelSpec(
        backbone=values.backbone,
        num_classes=NUM_CLASSES,
        input_size=values.input_size,
        shift_mode=values.shift_mode,
    )
    train(spec, values.batch_size, values.strategy)


if __name__ == "__main__":
    cli.run(main, define_flags)
