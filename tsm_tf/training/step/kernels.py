"""Quicker kernels of TensorFlow for a training, which compute what Keras' layers compute.

Keras 3 writes batch norm as a dozen operations over the whole tensor, each of them a pass through the memory;
TensorFlow has it as one, with one for the gradient. On processors the gradient of the shift's slices costs more than
the shift: as a depthwise convolution along time with taps of 0 and 1 (section 3.1) it is one pass each way. What else
was tried is in docs/train.md.
"""

import types

import keras
import numpy as np

from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.training.step.parameter_groups import batch_norms

_FUSED_TYPES = ("float16", "bfloat16", "float32")


def use_fast_kernels(model: keras.Model) -> None:
    """Has a clip model's batch norms and shifts use kernels that train quicker; without TensorFlow nothing changes.

    To be called before `model.fit`, where the model trains; weights, configuration and what is saved stay as they are.

    Args:
        model: of `build_model` or `retrofit`. Batch norms over other axes than the last, of other ranks than 4,
            synchronised ones and Keras' other options stay with Keras.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    for layer in batch_norms(model):
        if layer.axis in (-1, 3) and layer.scale and layer.center and not layer.renorm:
            layer.call = types.MethodType(_fused_batch_norm, layer)
    if any(device.device_type != "CPU" for device in tf.config.list_logical_devices()):
        return  # there the slices are fused, or quick enough
    for layer in model._flatten_layers():
        if isinstance(layer, TemporalShift) and len(layer.output.shape) == 4:
            layer.call = types.MethodType(_convolved_shift(layer), layer)


def _fused_batch_norm(layer, inputs, training=None, mask=None):
    import tensorflow as tf

    fits = len(inputs.shape) == 4 and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_TYPES
    if not (training and layer.trainable and fits) or mask is not None or layer.synchronized:
        return type(layer).call(layer, inputs, training, mask)
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=inputs,
        scale=tf.convert_to_tensor(layer.gamma),
        offset=tf.convert_to_tensor(layer.beta),
        mean=tf.zeros(0),
        variance=tf.zeros(0),
        epsilon=layer.epsilon,
    )
    values = tf.cast(tf.size(inputs) // inputs.shape[-1], "float32")
    variance *= (values - 1) / values  # Keras' is biased; the kernel's is not
    for moving, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(moving * layer.momentum + new * (1 - layer.momentum))
    return outputs


def _convolved_shift(layer):
    import tensorflow as tf

    channels = layer.output.shape[-1]
    # What frame 1 of 3 takes from each of them, by the layer's own definition.
    impulses = np.repeat(np.eye(3, dtype="float32").reshape(9, 1, 1, 1), channels, axis=-1)
    shifted = TemporalShift(3, layer.shift_div, layer.shift_mode)(impulses)
    taps = np.reshape(shifted, (3, 3, channels))[:, 1].reshape(3, 1, channels, 1)

    def call(layer, inputs):
        shape = tf.shape(inputs)
        clip = tf.reshape(inputs, (-1, layer.num_segments, shape[1] * shape[2], channels))
        return tf.reshape(
            tf.nn.depthwise_conv2d(clip, tf.cast(taps, inputs.dtype), [1] * 4, "SAME"), shape
        )

    return call
