"""A grouped convolution that is also fast on processors, in training and in TensorFlow Lite."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tsm_tf.layers.part import part

PART = 32
"""Channels of one part of the input; of 16 to 128, the fastest on a processor."""


@keras.saving.register_keras_serializable(package="tsm_tf")
class GroupedConv2D(keras.layers.Conv2D):
    """A 2D convolution with groups of channels, as `Conv2D` with the same arguments and weights.

    TensorFlow and JAX leave grouped convolutions on a processor to XLA, whose gradient takes
    100 times as long as that of an equal convolution without groups, and TensorFlow Lite cannot
    convert the call. There, the input is cut into parts of `PART` channels, or one group if that is
    larger. Each part is convolved without groups, by a kernel with zeros where groups do not meet.

    Call arguments:
        inputs: `[B, H, W, C]`.

    Returns:
        `[B, H', W', filters]`.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        if self.groups == 1 or not _runs_on_processor():
            return super().convolution_op(inputs, kernel)

        num_parts = _divisor(self.groups, inputs.shape[-1] // PART)
        channels, filters = inputs.shape[-1] // num_parts, self.filters // num_parts
        kernel = ops.convert_to_tensor(kernel)  # JAX cannot slice a variable in training
        convolve, outputs = super().convolution_op, []
        for i in range(num_parts):
            part_kernel = part(kernel, -1, i * filters, filters)
            part_kernel = _without_groups(part_kernel, self.groups // num_parts)
            outputs.append(convolve(part(inputs, -1, i * channels, channels), part_kernel))
        return ops.concatenate(outputs, axis=-1)


def _divisor(number: int, at_most: int) -> int:
    """Returns the largest divisor of a number that is not larger than `at_most`, at least 1."""
    return next(n for n in range(max(1, at_most), 0, -1) if number % n == 0)


def _without_groups(kernel: Any, groups: int) -> Any:
    """Returns the kernel `[h, w, groups * c, f]` that computes what `[h, w, c, f]` does."""
    _, _, group, filters = kernel.shape
    mask = np.kron(np.eye(groups), np.ones((group, filters // groups)))
    return ops.tile(kernel, (1, 1, groups, 1)) * ops.cast(mask, kernel.dtype)


def _runs_on_processor() -> bool:
    """Returns whether XLA would compute a grouped convolution on a processor."""
    if keras.backend.backend() == "torch":
        return False
    return all(name.startswith("cpu") for name in keras.distribution.list_devices())
