"""Faster TensorFlow kernels for training; they compute the same as Keras' batch norm.

Keras 3 computes batch norm as a dozen operations, each of which passes over the whole tensor in
memory. TensorFlow has it as one operation, and one for the gradient. docs/train.md lists what else
was tried.
"""

import keras

from tsm_tf.keras_internals import override_call
from tsm_tf.training.step.parameter_groups import batch_norms

_FUSED_TYPES = ("float16", "bfloat16", "float32")


def use_fast_kernels(model: keras.Model) -> None:
    """Makes batch norms use a faster training kernel; without TensorFlow nothing changes.

    Call it before `model.fit`, in the process that trains. Weights, configuration and saved files
    stay the same. Keras' own kernels stay for batch norms over other axes than the last, for
    inputs other than frames and clips, for synchronised ones, and for Keras' further options.

    Args:
        model: a model from `build_model` or `retrofit`.
    """
    if keras.backend.backend() != "tensorflow":
        return

    for layer in batch_norms(model):
        if layer.axis in (-1, 3) and layer.scale and layer.center and not layer.renorm:
            override_call(layer, _fused_batch_norm)


def _fused_batch_norm(layer, inputs, training=None, mask=None):
    import tensorflow as tf

    is_clip = len(inputs.shape) == 5 and layer.axis == -1
    fits = len(inputs.shape) == 4 or is_clip
    fits = fits and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_TYPES
    if not (training and layer.trainable and fits) or mask is not None or layer.synchronized:
        return type(layer).call(layer, inputs, training, mask)

    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(inputs, (-1, *inputs.shape[2:])) if is_clip else inputs,
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
    )
    values = tf.cast(tf.size(inputs) // inputs.shape[-1], "float32")
    variance *= (values - 1) / values  # Keras' variance is biased; the kernel's is not
    for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + new * (1 - layer.momentum))
    return tf.reshape(outputs, (-1, *inputs.shape[1:])) if is_clip else outputs
