"""Some of a clip's frames, for networks that look at a clip at several frame rates."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError


@keras.saving.register_keras_serializable(package="tsm_tf")
class SelectFrames(keras.layers.Layer):
    """Takes the frames of a clip that have the given numbers.

    Args:
        numbers: numbers of the frames, from 0 on.

    Call arguments:
        inputs: `[B, T, ...]`.

    Returns:
        `[B, len(numbers), ...]`.

    Raises:
        InputError: no number, a negative one, or one that the clip does not have.
    """

    def __init__(self, numbers: tuple[int, ...], **kwargs):
        super().__init__(**kwargs)
        if not numbers or min(numbers) < 0:
            raise InputError("numbers", "must be numbers of frames, from 0 on", tuple(numbers))
        self.numbers = tuple(numbers)

    def build(self, input_shape):
        if max(self.numbers) >= input_shape[1]:
            rule = f"must be less than the number of frames, {input_shape[1]}"
            raise InputError("numbers", rule, max(self.numbers))

    def call(self, inputs):
        return ops.concatenate([inputs[:, i : i + 1] for i in self.numbers], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.numbers), *input_shape[2:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "numbers": self.numbers}
