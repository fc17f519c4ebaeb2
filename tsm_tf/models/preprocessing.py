"""The first layer of clip and stream models: from frames in 0..255 to the network's input."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tsm_tf.spec import ModelSpec


@keras.saving.register_keras_serializable(package="tsm_tf")
class PrepareFrames(keras.layers.Layer):
    """Separates a clip into frames and normalises them as the spec says.

    The layer also carries the spec, so that every way in which Keras copies, saves and loads a
    model keeps it.

    Args:
        spec: the model's spec, or its fields.
        normalise: compute `(x / 255 - mean) / std` in the network's channel order; False for input
            that is already normalised.
        by_rows: normalise whole rows of pixels. Vector code is slow on an innermost axis of 3: in
            TFLite this saves 10% of the time of MobileNetV2. False normalises per pixel, without
            reshapes, which an Edge TPU may not support.

    Call arguments:
        inputs: clips `[B, T, H, W, C]` or frames `[B, H, W, C]`.

    Returns:
        Frames `[B*T, H, W, C]` or `[B, H, W, C]`; clips `[B, T, H, W, C]` for a network of clips.
    """

    def __init__(
        self,
        spec: ModelSpec | Mapping[str, Any],
        normalise: bool = True,
        by_rows: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.spec = spec if isinstance(spec, ModelSpec) else ModelSpec.from_dict(spec)
        self.normalise = normalise
        self.by_rows = by_rows
        pixels = self.spec.input_size if by_rows else 1
        self.rescaling = keras.layers.Rescaling(
            [1 / (255 * std) for std in self.spec.std] * pixels,
            [-mean / std for mean, std in zip(self.spec.mean, self.spec.std, strict=True)] * pixels,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        """Nothing to create: the rescaling has constants only."""

    def call(self, inputs):
        size, channels = self.spec.input_size, self.spec.channels
        frames = inputs
        if len(inputs.shape) == 5:
            frames = ops.reshape(inputs, (-1, size, size, channels))
        if self.normalise and not self.spec.normalises_itself:
            frames = self._normalised(frames)
        if self.spec.takes_clips:
            return ops.reshape(frames, (-1, self.spec.num_segments, size, size, channels))
        return frames

    def _normalised(self, frames):
        size, channels = self.spec.input_size, self.spec.channels
        if self.by_rows:
            rows = self.rescaling(ops.reshape(frames, (-1, size, size * channels)))
            frames = ops.reshape(rows, (-1, size, size, channels))
        else:
            frames = self.rescaling(frames)
        return ops.flip(frames, axis=-1) if self.spec.channel_order == "bgr" else frames

    def compute_output_shape(self, input_shape):
        if len(input_shape) == 4 or self.spec.takes_clips:
            return input_shape
        batch, num_segments = input_shape[:2]
        return (None if batch is None else batch * num_segments, *input_shape[2:])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "spec": self.spec.to_dict(),
            "normalise": self.normalise,
            "by_rows": self.by_rows,
        }


def find_preparation(model: keras.Model) -> PrepareFrames:
    """Returns the layer that prepares a clip or stream model's frames."""
    return next(layer for layer in model.layers if isinstance(layer, PrepareFrames))
