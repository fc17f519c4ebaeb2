"""How a training starts and how it runs: plain values, shared by the flags and the code.

This module imports neither Keras nor TensorFlow, so that the command can show its choices and
check its flags before it loads them.
"""

import dataclasses
import math

from tsm_tf.errors import InputError
from tsm_tf.execution import PRECISIONS, STRATEGIES
from tsm_tf.spec_checks import check_choice

ON_BAD_VIDEO = ("stop", "skip")


@dataclasses.dataclass(frozen=True)
class Initialization:
    """The weights that a training starts from, and the teacher that it learns from.

    Args:
        init: checkpoint to start from, or `preset:NAME`; a head with other classes is initialised
            from scratch.
        weights: image network to start from; see `pretrained_weights`. Excludes `init`.
        teacher: checkpoint to distill, or `preset:NAME`; see `Distillation`.
        distill_weight: initial share of the teacher in the loss, from 0 to 1.
        temperature: softmax temperature for distillation.

    Raises:
        InputError: `init` and `weights` together, or a number out of range.
    """

    init: str | None = None
    weights: str | None = None
    teacher: str | None = None
    distill_weight: float = 0.5
    temperature: float = 2.0

    def __post_init__(self):
        if self.init and self.weights:
            raise InputError("weights", "must not be combined with init", self.weights)
        if not 0 <= self.distill_weight <= 1:
            raise InputError("distill_weight", "must be from 0 to 1", self.distill_weight)
        if not 0 < self.temperature < math.inf:
            raise InputError("temperature", "must be positive", self.temperature)


@dataclasses.dataclass(frozen=True)
class Execution:
    """How a training runs. A run can be resumed with other values.

    Args:
        strategy: one of `STRATEGIES`; see `pick_devices`.
        mixed_precision: compute type of the layers, one of `PRECISIONS` (float16 with loss
            scaling); weights stay float32. None: float32.
        jit_compile: whether XLA compiles the step; None leaves the choice to Keras.
        sync_batch_norm: whether batch norms use the statistics of all devices.
        checkpoint_steps: steps between saved states within an epoch; 0 saves only at the end of
            each epoch.
        profile: whether to write a trace of some steps for TensorBoard.
        on_bad_video: one of `ON_BAD_VIDEO`: whether a video that cannot be decoded stops the
            training or is left out.
        cache_mib: memory for decoded videos, per process.

    Raises:
        InputError: an unknown choice, or a negative number.
    """

    strategy: str = "auto"
    mixed_precision: str | None = None
    jit_compile: bool | None = None
    sync_batch_norm: bool = False
    checkpoint_steps: int = 0
    profile: bool = False
    on_bad_video: str = "stop"
    cache_mib: int = 1024

    def __post_init__(self):
        check_choice("strategy", self.strategy, STRATEGIES)
        if self.mixed_precision is not None:
            check_choice("mixed_precision", self.mixed_precision, PRECISIONS)
        check_choice("on_bad_video", self.on_bad_video, ON_BAD_VIDEO)
        for name in ("checkpoint_steps", "cache_mib"):
            if getattr(self, name) < 0:
                raise InputError(name, "must be at least 0", getattr(self, name))
