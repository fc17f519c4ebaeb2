"""Pooling over clips, in operations over frames: TensorFlow Lite has no pooling over time."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError

_KINDS = ("max", "average")


@keras.saving.register_keras_serializable(package="tsm_tf")
class ClipPool(keras.layers.Layer):
    """Takes the maximum or the average over windows in time and space.

    Padding adds zeros: they are ignored by the maximum of values that are not negative, such as
    those after a ReLU, and count in the divisor of an average. Both is as in the networks of the
    original implementations.

    Args:
        kind: `"max"` or `"average"`.
        pool_size: time, height and width of the windows.
        strides: steps over time, height and width.
        padding: zeros added on each side of time, height and width.

    Call arguments:
        inputs: `[B, T, H, W, C]`.

    Returns:
        `[B, T', H', W', C]`, with `T' = (T + 2 * padding - pool_size) // stride + 1`, and so on.

    Raises:
        InputError: an unknown kind.
    """

    def __init__(
        self,
        kind: str,
        pool_size: tuple[int, int, int],
        strides: tuple[int, int, int],
        padding: tuple[int, int, int] = (0, 0, 0),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kind not in _KINDS:
            raise InputError("kind", f"must be one of {', '.join(_KINDS)}", kind)
        self.kind = kind
        self.pool_size = tuple(pool_size)
        self.strides = tuple(strides)
        self.padding = tuple(padding)

    def call(self, inputs):
        if any(self.padding):
            amounts = ((amount, amount) for amount in self.padding)
            inputs = ops.pad(inputs, ((0, 0), *amounts, (0, 0)))
        clip = self._pool_time(inputs)

        size, strides = self.pool_size[1:], self.strides[1:]
        if size == strides == (1, 1):
            return clip
        pool = ops.max_pool if self.kind == "max" else ops.average_pool
        frames = ops.reshape(clip, (-1, *clip.shape[2:]))
        frames = pool(frames, size, strides, padding="valid", data_format="channels_last")
        return ops.reshape(frames, (-1, clip.shape[1], *frames.shape[1:]))

    def _pool_time(self, clip):
        """Combines the frames of each window; the first frames of all windows are one slice."""
        size, stride = self.pool_size[0], self.strides[0]
        last = clip.shape[1] - size  # where the last window may start
        parts = [clip[:, i : i + last + 1 : stride] for i in range(size)]
        total = parts[0]
        for part in parts[1:]:
            total = ops.maximum(total, part) if self.kind == "max" else total + part
        return total / size if self.kind == "average" and size > 1 else total

    def compute_output_shape(self, input_shape):
        windows = zip(input_shape[1:4], self.pool_size, self.strides, self.padding, strict=True)
        sizes = [
            None if size is None else (size + 2 * padding - window) // stride + 1
            for size, window, stride, padding in windows
        ]
        return (input_shape[0], *sizes, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kind": self.kind,
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
        }
