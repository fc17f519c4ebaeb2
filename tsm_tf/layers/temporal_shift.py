"""The temporal shift: a part of the channels moves one frame along time (paper, section 3)."""

import keras
import numpy as np
from keras import ops

from tsm_tf.errors import InputError

_PACKAGE = "tsm_tf"
_MODES = ("bidirectional", "unidirectional")


def _fold(channels: int | None, shift_div: int, directions: int) -> int:
    """Returns how many channels move in each direction: `channels // shift_div`, as in the official code."""
    if channels is None:
        raise InputError("inputs", "must have a known number of channels in the last axis", None)
    fold = channels // shift_div
    if fold < 1 or directions * fold > channels:
        rule = f"must leave at least one channel to move, and room for {directions} directions, of {channels} channels"
        raise InputError("shift_div", rule, shift_div)
    return fold


@keras.saving.register_keras_serializable(package=_PACKAGE)
class TemporalShift(keras.layers.Layer):
    """Shifts channels along time within each clip; no parameters, no multiply-adds (sections 3.3 and 4).

    With `fold = C // shift_div`, channels `[0:fold]` of a bidirectional shift take frame t+1, `[fold:2*fold]` take
    frame t-1; of a unidirectional shift, `[0:fold]` take frame t-1. The rest stays; zeros enter at a clip's ends.
    This is what the official `TemporalShift.shift` and its online model do.

    Args:
        num_segments: frames per clip, T.
        shift_div: one `shift_div`-th of the channels moves in each direction.
        shift_mode: `"bidirectional"` (offline) or `"unidirectional"` (online).

    Call arguments:
        inputs: `[N*T, ..., C]`, the frames of each clip next to each other (row `n*T + t`).

    Returns:
        A tensor of the inputs' shape and type.

    Raises:
        InputError: an argument out of range, rows that are no whole clips, or too few channels for `shift_div`.

    Example:
        >>> frames = np.arange(4.0).reshape(4, 1) * [[1, 1]]          # one clip of four frames, two channels
        >>> TemporalShift(4, shift_div=2)(frames)                     # [[1, 0], [2, 0], [3, 1], [0, 2]]
    """

    def __init__(
        self, num_segments: int, shift_div: int = 8, shift_mode: str = "bidirectional", **kwargs
    ):
        super().__init__(**kwargs)
        for name, value in (("num_segments", num_segments), ("shift_div", shift_div)):
            if not isinstance(value, int) or value < 1:
                raise InputError(name, "must be a positive integer", value)
        if shift_mode not in _MODES:
            raise InputError("shift_mode", f"must be one of {', '.join(_MODES)}", shift_mode)
        self.num_segments = num_segments
        self.shift_div = shift_div
        self.shift_mode = shift_mode
        self.as_convolution = False
        """Whether to compute with a depthwise convolution along time (section 3.1), whose gradient is
        faster on processors. The outputs are the same bits; it is not part of the configuration."""

    def build(self, input_shape):
        """Checks that rows are whole clips and that there are channels to move."""
        if input_shape[0] is not None and input_shape[0] % self.num_segments:
            rule = f"must have a multiple of num_segments={self.num_segments} rows, the frames of whole clips"
            raise InputError("inputs", rule, tuple(input_shape))
        self.fold = _fold(
            input_shape[-1], self.shift_div, 2 if self.shift_mode == "bidirectional" else 1
        )

    def call(self, inputs):
        """Reshapes to `[N, T, positions, C]`, gathers each channel group at its own time, and reshapes back."""
        shape = ops.shape(inputs)
        positions = 1
        for size in shape[1:-1]:
            positions = positions * size
        # Four axes, not five: height and width stay together, which phone GPUs need and every backend likes.
        clip = ops.reshape(inputs, (-1, self.num_segments, positions, shape[-1]))
        if self.as_convolution:
            taps = ops.cast(self._taps(shape[-1]), inputs.dtype)
            shifted = ops.depthwise_conv(clip, taps, padding="same", data_format="channels_last")
            return ops.reshape(shifted, shape)

        fold, parts = self.fold, []
        if self.shift_mode == "bidirectional":
            parts.append(_with_zeros(clip[:, 1:, :, :fold], 0, 1))
        start = len(parts) * fold
        parts.append(_with_zeros(clip[:, :-1, :, start : start + fold], 1, 0))
        parts.append(clip[..., start + fold :])
        return ops.reshape(ops.concatenate(parts, axis=-1), shape)

    def _taps(self, channels):
        """Returns the kernel `[3, 1, C, 1]` of the shift: the previous, the same and the next frame."""
        time = np.ones(channels, "int64")
        if self.shift_mode == "bidirectional":
            time[: self.fold] = 2
            time[self.fold : 2 * self.fold] = 0
        else:
            time[: self.fold] = 0
        return np.eye(3, dtype="float32")[:, time].reshape(3, 1, channels, 1)

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        config = {
            "num_segments": self.num_segments,
            "shift_div": self.shift_div,
            "shift_mode": self.shift_mode,
        }
        return {**super().get_config(), **config}


def _with_zeros(group, before, after):
    """Zeros at an end of the clip; a gather at consecutive times is a slice, whose gradient needs no scatter."""
    return ops.pad(group, ((0, 0), (before, after), (0, 0), (0, 0)))


@keras.saving.register_keras_serializable(package=_PACKAGE)
class StreamingTemporalShift(keras.layers.Layer):
    """The unidirectional shift, one frame a call, with the frame before in a cache (section 4.2, Fig. 4).

    The first `fold = C // shift_div` channels are replaced by those of the call before, which start as zeros; the
    inputs' own are kept for the next call. Fed frame by frame it gives what `TemporalShift` with
    `shift_mode="unidirectional"` gives for the clip.

    Args:
        shift_div: one `shift_div`-th of the channels comes from the frame before.
        batch_size: streams that run side by side; None takes it from the first input's shape.

    Call arguments:
        inputs: `[batch_size, ..., C]`, one frame of each stream.

    Returns:
        A tensor of the inputs' shape and type.

    Raises:
        InputError: a batch or spatial size that is not known when the layer is built, or too few channels.
    """

    def __init__(self, shift_div: int = 8, batch_size: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(shift_div, int) or shift_div < 1:
            raise InputError("shift_div", "must be a positive integer", shift_div)
        self.shift_div = shift_div
        self.batch_size = batch_size

    def build(self, input_shape):
        """Makes the cache, `[batch_size, ..., C // shift_div]` zeros of the compute type."""
        self.fold = _fold(input_shape[-1], self.shift_div, 1)
        shape = (self.batch_size or input_shape[0], *input_shape[1:-1], self.fold)
        if None in shape:
            rule = "must have a known shape to hold a cache; give batch_size where the batch is unknown"
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
        """Swaps the first channels with the cache."""
        outputs = ops.concatenate(
            [ops.convert_to_tensor(self.cache), inputs[..., self.fold :]], axis=-1
        )
        self.cache.assign(inputs[..., : self.fold])
        return outputs

    def reset_state(self):
        """Forgets the stream: the next frame is a first frame."""
        self.cache.assign(ops.zeros(self.cache.shape, self.cache.dtype))

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "shift_div": self.shift_div, "batch_size": self.batch_size}
