"""The optimizer: SGD as in the paper or AdamW; warm-up, cosine or step decay, clipped gradients (section 5.1.1, 7)."""

import keras
from keras import ops

from tsm_tf.training.recipes import Recipe


@keras.saving.register_keras_serializable(package="tsm_tf")
class StepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from 0, then a rate that is divided by 10 at given steps."""

    def __init__(self, learning_rate: float, warmup_steps: int, decay_steps: tuple[int, ...]):
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.decay_steps = tuple(decay_steps)

    def __call__(self, step):
        """Returns the rate of a step."""
        step = ops.cast(step, "float32")
        rate = self.learning_rate * ops.minimum(1.0, step / max(1, self.warmup_steps))
        for boundary in self.decay_steps:
            rate = ops.where(step >= boundary, rate / 10, rate)
        return rate

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
        }


def build_optimizer(recipe: Recipe, model: keras.Model, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Returns the optimizer with the recipe's schedule; batch norms and biases do not decay."""
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if recipe.decay_epochs:
        boundaries = tuple(epoch * steps_per_epoch for epoch in recipe.decay_epochs)
        schedule = StepDecay(recipe.learning_rate, warmup, boundaries)
    else:
        rest = max(1, recipe.epochs * steps_per_epoch - warmup)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else recipe.learning_rate,
            rest,
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    common = {"weight_decay": recipe.weight_decay, "global_clipnorm": recipe.clip_norm}
    if recipe.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(schedule, **common)
    else:
        optimizer = keras.optimizers.SGD(schedule, momentum=recipe.momentum, **common)
    optimizer.exclude_from_weight_decay([v for v in model.trainable_variables if not v.path.endswith("/kernel")])
    return optimizer
