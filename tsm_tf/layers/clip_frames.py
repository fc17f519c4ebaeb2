"""Layers between clips and their frames, for networks that have 2D and 3D parts."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError


@keras.saving.register_keras_serializable(package="tsm_tf")
class ClipsToFrames(keras.layers.Layer):
    """Puts the frames of all clips `[B, T, ...]` into one batch `[B*T, ...]`."""

    def call(self, inputs):
        return ops.reshape(inputs, (-1, *inputs.shape[2:]))

    def compute_output_shape(self, input_shape):
        batch, time = input_shape[:2]
        return (None if None in (batch, time) else batch * time, *input_shape[2:])


@keras.saving.register_keras_serializable(package="tsm_tf")
class FramesToClips(keras.layers.Layer):
    """Divides a batch of frames `[B*T, ...]` into clips `[B, T, ...]`.

    Args:
        num_segments: frames per clip, T.

    Raises:
        InputError: no positive number.
    """

    def __init__(self, num_segments: int, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_segments, int) or num_segments < 1:
            raise InputError("num_segments", "must be a positive integer", num_segments)
        self.num_segments = num_segments

    def call(self, inputs):
        return ops.reshape(inputs, (-1, self.num_segments, *inputs.shape[1:]))

    def compute_output_shape(self, input_shape):
        clips = None if input_shape[0] is None else input_shape[0] // self.num_segments
        return (clips, self.num_segments, *input_shape[1:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_segments": self.num_segments}
