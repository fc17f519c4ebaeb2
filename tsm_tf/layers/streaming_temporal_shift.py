"""The temporal shift for one frame per call, with a cache in the layer (section 4.2, Fig. 4)."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError
from tsm_tf.layers.temporal_shift import shifted_channels


@keras.saving.register_keras_serializable(package="tsm_tf")
class StreamingTemporalShift(keras.layers.Layer):
    """The unidirectional shift for one frame per call; a cache holds channels of the last frame.

    The first `fold = C // shift_div` channels are replaced by those of the previous call, which are
    zeros at first, and the inputs' own are kept for the next call. Frame by frame, this computes
    what `TemporalShift` with `shift_mode="unidirectional"` computes for a whole clip.

    A model from `ClipModel.stream` has explicit state instead; use this layer in models of your
    own that should keep their state themselves.

    Args:
        shift_div: `1 / shift_div` of the channels come from the previous frame.
        batch_size: number of streams side by side; None takes it from the first input's shape.

    Call arguments:
        inputs: `[batch_size, ..., C]`, one frame of each stream.

    Returns:
        A tensor with the shape and type of the inputs.

    Raises:
        InputError: the batch or spatial size is unknown when the layer is built, or there are too
            few channels.
    """

    def __init__(self, shift_div: int = 8, batch_size: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(shift_div, int) or shift_div < 1:
            raise InputError("shift_div", "must be a positive integer", shift_div)
        self.shift_div = shift_div
        self.batch_size = batch_size

    def build(self, input_shape):
        self.fold = shifted_channels(input_shape[-1], self.shift_div, 1)
        shape = (self.batch_size or input_shape[0], *input_shape[1:-1], self.fold)
        if None in shape:
            rule = (
                "must have a known shape to hold a cache; pass batch_size if the batch is unknown"
            )
            raise InputError("inputs", rule, tuple(input_shape))
        self.cache = self.add_weight(
            name="cache",
            shape=shape,
            dtype=self.compute_dtype,
            initializer="zeros",
            trainable=False,
            autocast=False,
        )

    def call(self, inputs):
        cached = ops.convert_to_tensor(self.cache)
        outputs = ops.concatenate([cached, inputs[..., self.fold :]], axis=-1)
        self.cache.assign(inputs[..., : self.fold])
        return outputs

    def reset_state(self) -> None:
        """Clears the cache: the next frame is the first one of a stream."""
        self.cache.assign(ops.zeros(self.cache.shape, self.cache.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "shift_div": self.shift_div,
            "batch_size": self.batch_size,
        }
