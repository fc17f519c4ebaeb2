"""Distillation: a small model learns from the logits of a large one (Hinton et al., section 2).

A large teacher speeds up a small student at first and holds it back at the end, when the student
can no longer follow it (Cho and Hariharan, On the Efficacy of Knowledge Distillation). The
teacher's share therefore falls to zero.
"""

import dataclasses
from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError, naming
from tsm_tf.spec import ModelSpec
from tsm_tf.spec_checks import check_takes_clips_alone
from tsm_tf.weights.checkpoint import load_checkpoint
from tsm_tf.weights.presets.load import resolve_checkpoint


def load_teacher(checkpoint: str, spec: ModelSpec) -> keras.Model:
    """Returns the frozen clip model in a checkpoint, as a teacher of models with a given spec.

    The checkpoint is a folder, or `preset:NAME` for a public one.

    Raises:
        MissingFile: no checkpoint.
        InputError: its classes, channels or segments differ, or one of the two takes boxes.
    """
    with naming("teacher"):
        teacher = load_checkpoint(resolve_checkpoint(checkpoint))
    for network in (spec, teacher.spec):
        check_takes_clips_alone(network.backbone, "learn from a teacher, or to be one")
    for name in ("labels", "num_classes", "num_segments", "modality"):
        theirs, ours = getattr(teacher.spec, name), getattr(spec, name)
        if theirs != ours:
            raise InputError("teacher", f"must have the model's {name}, {ours}", theirs)
    teacher.trainable = False
    return teacher


@dataclasses.dataclass(frozen=True)
class Distillation:
    """The loss `(1 - share) * loss + share * T^2 * KL(teacher / T, model / T)`.

    The share falls linearly from `weight` in the first step to 0 after `steps`. The teacher sees
    the same clips, resized to its input size, which costs a forward pass per step. The validation
    loss stays the model's own.

    Args:
        teacher: a clip model from `load_teacher`.
        weight: initial share of the teacher, from 0 to 1.
        temperature: T, which divides the logits of both; higher values reveal more of the
            similarities that the teacher sees between classes.
        steps: updates of the whole training.
    """

    teacher: keras.Model
    weight: float
    temperature: float
    steps: int

    def mixed_loss(self, loss: Any, clips: Any, logits: Any, step: Any) -> Any:
        """Returns the loss of a step.

        Args:
            loss: loss on the labels, divided by the replicas, as Keras computes it.
            clips: `[B, T, H, W, C]` in 0..255.
            logits: the model's logits for the clips, `[B, num_classes]`.
            step: finished updates.
        """
        size = self.teacher.spec.input_size
        if clips.shape[2] != size:
            clips = _resize(clips, size)
        wanted = self.teacher(clips, training=False) / self.temperature
        log_ratios = ops.log_softmax(wanted) - ops.log_softmax(logits / self.temperature)
        distance = ops.mean(ops.sum(ops.softmax(wanted) * log_ratios, axis=-1))

        share = self.weight * ops.maximum(0.0, 1 - ops.cast(step, "float32") / self.steps)
        return (1 - share) * loss + share * _per_replica(self.temperature**2 * distance)


def _per_replica(loss):
    """Divides a loss by the replicas, as Keras does, because their gradients are summed."""
    import tensorflow as tf

    return loss / tf.distribute.get_strategy().num_replicas_in_sync


def _resize(clips, size):
    batch, frames = ops.shape(clips)[:2]
    images = ops.reshape(ops.cast(clips, "float32"), (-1, *clips.shape[2:]))
    images = ops.image.resize(images, (size, size), interpolation="bilinear")
    return ops.reshape(images, (batch, frames, size, size, clips.shape[-1]))
