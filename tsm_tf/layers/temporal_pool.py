"""Temporal pooling, which halves the number of frames inside a network."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError


@keras.saving.register_keras_serializable(package="tsm_tf")
class TemporalPool(keras.layers.Layer):
    """Takes the maximum over the frames t-1, t and t+1 for every second t.

    Kernel 3, stride 2, padding 1, as `TemporalPool` in the official code.

    Args:
        num_segments: frames per clip before the pooling, T; even.

    Call arguments:
        inputs: `[N*T, ..., C]`, the frames of each clip next to each other.

    Returns:
        `[N*T/2, ..., C]`.

    Raises:
        InputError: an odd number of segments.
    """

    def __init__(self, num_segments: int, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_segments, int) or num_segments < 2 or num_segments % 2:
            raise InputError("num_segments", "must be a positive even integer", num_segments)
        self.num_segments = num_segments

    def call(self, inputs):
        shape = ops.shape(inputs)
        clip = ops.reshape(inputs, (-1, self.num_segments, *shape[1:]))
        even, after = clip[:, 0::2], clip[:, 1::2]

        # The first frame has no frame before it; its neighbour after it stands in, which is
        # harmless for a maximum.
        before = ops.concatenate([after[:, :1], after[:, :-1]], axis=1)
        pooled = ops.maximum(ops.maximum(before, even), after)
        return ops.reshape(pooled, (-1, *shape[1:]))

    def compute_output_shape(self, input_shape):
        return (None if input_shape[0] is None else input_shape[0] // 2, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_segments": self.num_segments}
