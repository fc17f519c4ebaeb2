"""The first and the last layer of a detector: from clips in 0..255 to frames, and back."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tsm_tf.detector_spec import DetectorSpec


@keras.saving.register_keras_serializable(package="tsm_tf")
class PrepareClip(keras.layers.Layer):
    """Separates a clip into frames and normalises them as the spec says.

    The layer also carries the spec, so that every way in which Keras copies, saves and loads a
    model keeps it.

    Args:
        spec: the detector's spec, or its fields.
        by_rows: see `tsm_tf.models.preprocessing.PrepareFrames`.

    Call arguments:
        inputs: clips `[B, T, H, W, 3]` or frames `[B, H, W, 3]`.

    Returns:
        Frames `[B*T, H, W, 3]` or `[B, H, W, 3]`.
    """

    def __init__(
        self,
        spec: DetectorSpec | Mapping[str, Any],
        by_rows: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.spec = spec if isinstance(spec, DetectorSpec) else DetectorSpec.from_dict(spec)
        self.by_rows = by_rows
        pixels = self.spec.input_width if by_rows else 1
        self.rescaling = keras.layers.Rescaling(
            [1 / (255 * std) for std in self.spec.std] * pixels,
            [-mean / std for mean, std in zip(self.spec.mean, self.spec.std, strict=True)] * pixels,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        """Nothing to create: the rescaling has constants only."""

    def call(self, inputs):
        height, width = self.spec.input_height, self.spec.input_width
        frames = ops.reshape(inputs, (-1, height, width, 3)) if inputs.ndim == 5 else inputs
        if self.spec.normalises_itself:
            return frames
        if self.by_rows:
            rows = self.rescaling(ops.reshape(frames, (-1, height, width * 3)))
            frames = ops.reshape(rows, (-1, height, width, 3))
        else:
            frames = self.rescaling(frames)
        return ops.flip(frames, axis=-1) if self.spec.channel_order == "bgr" else frames

    def compute_output_shape(self, input_shape):
        if len(input_shape) == 4:
            return input_shape
        batch, num_segments = input_shape[:2]
        return (None if batch is None else batch * num_segments, *input_shape[2:])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "spec": self.spec.to_dict(), "by_rows": self.by_rows}


@keras.saving.register_keras_serializable(package="tsm_tf")
class FramesToClips(keras.layers.Layer):
    """Turns the results of frames `[B*T, ...]` into those of clips `[B, T, ...]`.

    Args:
        num_segments: frames per clip, T.
    """

    def __init__(self, num_segments: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.num_segments = num_segments

    def call(self, inputs):
        return ops.reshape(inputs, (-1, self.num_segments, *inputs.shape[1:]))

    def compute_output_spec(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        batch, *shape = inputs.shape
        clips = None if batch is None else batch // self.num_segments
        return keras.KerasTensor((clips, self.num_segments, *shape), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_segments": self.num_segments}
