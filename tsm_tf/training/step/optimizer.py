"""Optimizers and learning-rate schedules (sections 5.1.1 and 7).

SGD has the paper's parameter groups; AdamW is Keras' own.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
from keras import ops

from tsm_tf.keras_internals import variable_index
from tsm_tf.training.recipes import Recipe
from tsm_tf.training.step.parameter_groups import multipliers

_KERAS_ARGUMENTS = (
    "name",
    "learning_rate",
    "global_clipnorm",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


@keras.saving.register_keras_serializable(package="tsm_tf")
class GroupSGD(keras.optimizers.Optimizer):
    """SGD with momentum and, for each variable, multipliers of the rate and the weight decay.

    It computes what PyTorch's SGD with parameter groups computes. For a gradient g, clipped by the
    global norm first:

        v <- momentum * v + g + weight_decay * decay_multiplier * w
        w <- w - learning_rate * rate_multiplier * v

    The decay is coupled: it passes through the momentum. Keras' own SGD has the rate inside v,
    which gives another result whenever the rate changes. It also decouples the decay and has no
    groups.

    Args:
        learning_rate: a float or a schedule.
        momentum: 0 to 1.
        weight_decay: coupled weight decay; 0 disables it.
        groups: multipliers of rate and decay by variable path; (1, 1) for variables not listed.
        global_clipnorm: largest global norm of the gradient, or None.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        groups: Mapping[str, Sequence[float]] | None = None,
        global_clipnorm: float | None = None,
        **kwargs,
    ):
        super().__init__(learning_rate, global_clipnorm=global_clipnorm, **kwargs)
        self.momentum = momentum
        self.coupled_decay = weight_decay  # Keras would also apply its own `weight_decay`
        self.groups = {path: tuple(pair) for path, pair in (groups or {}).items()}

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")
        self._multipliers = [self.groups.get(variable.path, (1, 1)) for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        index = variable_index(self, variable)
        rate, decay = self._multipliers[index]
        gradient = ops.cast(gradient, variable.dtype)
        if decay and self.coupled_decay:
            gradient = gradient + decay * self.coupled_decay * variable
        velocity = self._momentums[index]
        rate = ops.cast(rate * learning_rate, variable.dtype)
        if keras.backend.backend() == "tensorflow":
            _apply_momentum(variable, velocity.value, gradient, rate, self.momentum)
            return
        self.assign(velocity, self.momentum * velocity + gradient)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        config = {
            name: value for name, value in super().get_config().items() if name in _KERAS_ARGUMENTS
        }
        return {
            **config,
            "momentum": self.momentum,
            "weight_decay": self.coupled_decay,
            "groups": dict(self.groups),
        }


def _apply_momentum(variable, velocity, gradient, rate, momentum):
    """Assigns velocity and variable in one pass over the memory.

    Separate operations need five passes, which take 4% of a small step of a ResNet-50.
    """
    import tensorflow as tf

    tf.raw_ops.ResourceApplyMomentum(
        var=variable.handle,
        accum=velocity.handle,
        lr=rate,
        grad=gradient,
        momentum=momentum,
    )


@keras.saving.register_keras_serializable(package="tsm_tf")
class StepDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A linear warm-up from `warmup_rate`, then a rate that is divided by 10 at given steps.

    Args:
        learning_rate: rate after the warm-up.
        warmup_steps: steps of the warm-up; 0 for none.
        decay_steps: steps at which the rate is divided by 10.
        warmup_rate: rate of the first step of the warm-up.
    """

    def __init__(
        self,
        learning_rate: float,
        warmup_steps: int,
        decay_steps: tuple[int, ...],
        warmup_rate: float = 0.0,
    ):
        self.learning_rate = learning_rate
        self.warmup_steps = warmup_steps
        self.decay_steps = tuple(decay_steps)
        self.warmup_rate = warmup_rate

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rise = ops.minimum(1.0, step / max(1, self.warmup_steps)) if self.warmup_steps else 1.0
        rate = self.warmup_rate + (self.learning_rate - self.warmup_rate) * rise
        for boundary in self.decay_steps:
            rate = ops.where(step >= boundary, rate / 10, rate)
        return ops.convert_to_tensor(rate, "float32")

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "warmup_steps": self.warmup_steps,
            "decay_steps": self.decay_steps,
            "warmup_rate": self.warmup_rate,
        }


@keras.saving.register_keras_serializable(package="tsm_tf")
class EpochCosine(keras.optimizers.schedules.LearningRateSchedule):
    """The original's `cos`: `0.5 * rate * (1 + cos(pi * epoch / epochs))`, constant in each epoch.

    Args:
        learning_rate: rate of the first epoch.
        steps_per_epoch: steps per epoch.
        epochs: epochs of the training.
    """

    def __init__(self, learning_rate: float, steps_per_epoch: int, epochs: int):
        self.learning_rate = learning_rate
        self.steps_per_epoch = steps_per_epoch
        self.epochs = epochs

    def __call__(self, step: Any) -> Any:
        epoch = ops.cast(step // self.steps_per_epoch, "float32")
        return 0.5 * self.learning_rate * (1 + ops.cos(math.pi * epoch / self.epochs))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": self.epochs,
        }


class Optimization(Protocol):
    """The values of a recipe that its optimizer depends on; see `Recipe`."""

    @property
    def epochs(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def warmup_epochs(self) -> float: ...
    @property
    def warmup_rate(self) -> float: ...
    @property
    def schedule(self) -> str: ...
    @property
    def decay_epochs(self) -> tuple[float, ...]: ...
    @property
    def optimizer(self) -> str: ...
    @property
    def momentum(self) -> float: ...
    @property
    def clip_norm(self) -> float: ...


def build_schedule(
    recipe: Optimization, steps_per_epoch: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns the recipe's learning rate as a function of the step."""
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if recipe.schedule == "step":
        boundaries = tuple(round(epoch * steps_per_epoch) for epoch in recipe.decay_epochs)
        return StepDecay(recipe.learning_rate, warmup, boundaries, recipe.warmup_rate)
    if recipe.schedule == "cosine_per_epoch":
        return EpochCosine(recipe.learning_rate, steps_per_epoch, recipe.epochs)
    return keras.optimizers.schedules.CosineDecay(
        recipe.warmup_rate if warmup else recipe.learning_rate,
        max(1, recipe.epochs * steps_per_epoch - warmup),
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def build_optimizer(
    recipe: Recipe, model: keras.Model, steps_per_epoch: int, new_head: bool = True
) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimizer.

    Args:
        recipe: the recipe.
        model: a clip model. SGD gets the groups from `multipliers`; AdamW decays kernels only.
        steps_per_epoch: steps per epoch, for the schedule.
        new_head: see `multipliers`.
    """
    groups = multipliers(model, new_head) if recipe.optimizer == "sgd" else {}
    return grouped_optimizer(recipe, model, steps_per_epoch, groups)


def grouped_optimizer(
    recipe: Optimization,
    model: keras.Model,
    steps_per_epoch: int,
    groups: Mapping[str, Sequence[float]],
) -> keras.optimizers.Optimizer:
    """Returns a recipe's optimizer with any groups.

    Args:
        recipe: the recipe.
        model: the model to train. AdamW decays its kernels only.
        steps_per_epoch: steps per epoch, for the schedule.
        groups: those of SGD; see `GroupSGD`.
    """
    schedule = build_schedule(recipe, steps_per_epoch)
    clip_norm = recipe.clip_norm or None
    if recipe.optimizer == "sgd":
        return GroupSGD(schedule, recipe.momentum, recipe.weight_decay, groups, clip_norm)
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=recipe.weight_decay, global_clipnorm=clip_norm
    )
    optimizer.exclude_from_weight_decay(
        [v for v in model.trainable_variables if not v.path.endswith("/kernel")]
    )
    return optimizer
