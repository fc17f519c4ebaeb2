"""Distillation: a small model learns from a large one's logits (Hinton et al., section 2), less and less.

A large teacher speeds a small student up at first and holds it back at the end, when the student cannot follow it any
further (Cho and Hariharan, On the Efficacy of Knowledge Distillation). The teacher's share therefore falls to nothing.
"""

import types

import keras
from keras import ops

from tsm_tf.errors import InputError, naming
from tsm_tf.weights.checkpoint import load_checkpoint


def load_teacher(checkpoint: str, model: keras.Model) -> keras.Model:
    """Returns a checkpoint's clip model, frozen, for clips of the model that it teaches.

    Raises:
        FileNotFoundError, InputError: no checkpoint, or one of other classes, channels or segments.
    """
    with naming("teacher"):
        teacher = load_checkpoint(checkpoint)
    for name in ("labels", "num_classes", "num_segments", "modality"):
        theirs, ours = getattr(teacher.spec, name), getattr(model.spec, name)
        if theirs != ours:
            raise InputError("teacher", f"must have the model's {name}, {ours}", theirs)
    teacher.trainable = False
    return teacher


def distill(
    model: keras.Model, teacher: keras.Model, weight: float, temperature: float, steps: int
) -> None:
    """Has a model learn from a teacher: `(1 - share) * loss + share * T^2 * KL(teacher / T, model / T)`.

    The share falls linearly from `weight` in the first step to 0 after `steps`.

    The teacher sees the same clips, resized to its input size; it costs a forward pass a step. The validation's loss
    stays the model's own.

    Args:
        model: a clip model with preprocessing, of Keras' TensorFlow backend, compiled or not.
        teacher: as of `load_teacher`.
        weight: 0 to 1.
        temperature: T, which both logits are divided by; higher shows more of what the teacher finds alike.
        steps: updates of the whole training.
    """
    size = teacher.spec.input_size
    plain = model.compute_loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = plain(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        clips = _resize(x, size) if size != self.spec.input_size else x
        wanted = teacher(clips, training=False) / temperature
        log_ratios = ops.log_softmax(wanted) - ops.log_softmax(y_pred / temperature)
        distance = temperature**2 * ops.mean(ops.sum(ops.softmax(wanted) * log_ratios, axis=-1))
        share = weight * ops.maximum(
            0.0, 1 - ops.cast(self.optimizer.iterations, "float32") / steps
        )
        return (1 - share) * loss + share * _per_replica(distance)

    model.compute_loss = types.MethodType(compute_loss, model)


def _per_replica(loss):
    """A loss as Keras has them: divided by the replicas, whose gradients are summed."""
    import tensorflow as tf

    return loss / tf.distribute.get_strategy().num_replicas_in_sync


def _resize(clips, size):
    batch, frames = ops.shape(clips)[:2]
    images = ops.reshape(ops.cast(clips, "float32"), (-1, *clips.shape[2:]))
    images = ops.image.resize(images, (size, size), interpolation="bilinear")
    return ops.reshape(images, (batch, frames, size, size, clips.shape[-1]))
