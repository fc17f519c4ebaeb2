"""The temporal shift: some of the channels move by one frame along time (paper, section 3)."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tsm_tf.errors import InputError

_MODES = ("bidirectional", "unidirectional")


def shifted_channels(channels: int | None, shift_div: int, directions: int) -> int:
    """Returns how many channels move in each direction: `channels // shift_div`.

    This is the rule of the official code.

    Raises:
        InputError: the number of channels is unknown, or too small.
    """
    if channels is None:
        raise InputError("inputs", "must have a known number of channels in the last axis", None)
    fold = channels // shift_div
    if fold < 1 or directions * fold > channels:
        rule = (
            f"must leave at least one of {channels} channels to move, "
            f"and room for {directions} directions"
        )
        raise InputError("shift_div", rule, shift_div)
    return fold


@keras.saving.register_keras_serializable(package="tsm_tf")
class TemporalShift(keras.layers.Layer):
    """Shifts channels along time within each clip, without parameters or multiply-adds.

    Sections 3.3 and 4. With `fold = C // shift_div`, a bidirectional shift takes channels
    `[0:fold]` from frame t+1 and `[fold:2*fold]` from frame t-1. A unidirectional shift takes
    `[0:fold]` from frame t-1. The other channels stay. Zeros enter at the ends of a clip. This is
    what `TemporalShift.shift` and the online model in the official code do.

    Args:
        num_segments: frames per clip, T.
        shift_div: `1 / shift_div` of the channels move in each direction.
        shift_mode: `"bidirectional"` (offline) or `"unidirectional"` (online).

    Attributes:
        as_convolution: whether floating-point inputs are shifted by a depthwise convolution along
            time (section 3.1), or by slices. The outputs are bit-identical as long as they are
            finite. Set when the layer is built, to what is faster; not part of the configuration.

    Call arguments:
        inputs: `[N*T, ..., C]`, the frames of each clip next to each other (row `n*T + t`).

    Returns:
        A tensor with the shape and type of the inputs.

    Raises:
        InputError: an argument is out of range, the rows are not whole clips, or there are too few
            channels for `shift_div`.

    Example:
        >>> frames = np.arange(4.0).reshape(4, 1) * [[1, 1]]  # a clip of 4 frames, two channels
        >>> TemporalShift(4, shift_div=2)(frames)  # [[1, 0], [2, 0], [3, 1], [0, 2]]
    """

    def __init__(
        self,
        num_segments: int,
        shift_div: int = 8,
        shift_mode: str = "bidirectional",
        **kwargs,
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

    def build(self, input_shape):
        if input_shape[0] is not None and input_shape[0] % self.num_segments:
            rule = f"must have whole clips of num_segments={self.num_segments} rows each"
            raise InputError("inputs", rule, tuple(input_shape))
        directions = 2 if self.shift_mode == "bidirectional" else 1
        self.fold = shifted_channels(input_shape[-1], self.shift_div, directions)
        self.as_convolution = _is_convolution_faster()

    def call(self, inputs):
        shape = ops.shape(inputs)
        positions = 1
        for size in shape[1:-1]:
            positions = positions * size
        # Four axes instead of five: GPU delegates on phones need this, and no backend minds.
        clip = ops.reshape(inputs, (-1, self.num_segments, positions, shape[-1]))

        if self.as_convolution and keras.backend.is_float_dtype(inputs.dtype):
            taps = ops.cast(self._taps(shape[-1]), inputs.dtype)
            shifted = ops.depthwise_conv(clip, taps, padding="same", data_format="channels_last")
            return ops.reshape(shifted, shape)

        fold, groups = self.fold, []
        if self.shift_mode == "bidirectional":
            groups.append(_with_zeros(clip[:, 1:, :, :fold], before=0, after=1))
        start = len(groups) * fold
        groups.append(_with_zeros(clip[:, :-1, :, start : start + fold], before=1, after=0))
        groups.append(clip[..., start + fold :])
        return ops.reshape(ops.concatenate(groups, axis=-1), shape)

    def _taps(self, channels: int) -> np.ndarray:
        """Returns the kernel `[3, 1, C, 1]` with taps at the previous, current and next frame."""
        time = np.ones(channels, np.int64)
        if self.shift_mode == "bidirectional":
            time[: self.fold] = 2
            time[self.fold : 2 * self.fold] = 0
        else:
            time[: self.fold] = 0
        return np.eye(3, dtype="float32")[:, time].reshape(3, 1, channels, 1)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "shift_div": self.shift_div,
            "shift_mode": self.shift_mode,
        }


def _is_convolution_faster() -> bool:
    """Returns whether the shift runs on TensorFlow's kernels for processors.

    There, one pass over the tensor costs less than slices and their concatenation, and much less in
    the gradient: a clip of ResNet-50 takes 1.05 times as long as without a shift, with slices 1.10.
    Other devices and backends fuse the slices, or compute them fast enough.
    """
    is_tensorflow = keras.backend.backend() == "tensorflow"
    return is_tensorflow and not keras.distribution.list_devices("gpu")


def _with_zeros(group: Any, before: int, after: int) -> Any:
    """Pads a channel group along time.

    A gather at consecutive times is a slice, whose gradient needs no scatter.
    """
    return ops.pad(group, ((0, 0), (before, after), (0, 0), (0, 0)))
