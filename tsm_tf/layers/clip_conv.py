"""A convolution over clips that is padded as in PyTorch, and computed in two dimensions if it can.

Kernels of one frame, or of one pixel, are convolutions in two dimensions, which run faster than
`Conv3D` on processors, and which TensorFlow Lite accelerates.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError


@keras.saving.register_keras_serializable(package="tsm_tf")
class ClipConv(keras.layers.Conv3D):
    """A 3D convolution that pads time, height and width by `kernel_size // 2` on each side.

    This is the padding of PyTorch's networks. TensorFlow's `"same"` pads less before than after
    where the stride is not 1.

    Args:
        filters: number of output channels.
        kernel_size: time, height and width of the kernel, odd.
        strides: strides over time, height and width.
        **kwargs: other arguments of `keras.layers.Conv3D`, except those for padding and dilation.

    Attributes:
        over_frames: whether a kernel over time and space is a convolution of frames whose channels
            are those of all frames in its reach. This is for TensorFlow Lite, which computes 3D
            convolutions slowly, and only in float. Not part of the configuration.

    Call arguments:
        inputs: `[B, T, H, W, C]`.

    Returns:
        `[B, T', H', W', filters]`; with stride `s`, `T' = (T - 1) // s + 1`, and so on.

    Raises:
        InputError: an even kernel.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, int, int],
        strides: tuple[int, int, int] = (1, 1, 1),
        **kwargs,
    ):
        super().__init__(filters, kernel_size, strides, **kwargs)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise InputError("kernel_size", "must be odd", tuple(kernel_size))
        self.over_frames = False

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        if self.kernel_size[0] == 1:
            return self._convolve_frames(inputs, kernel[0])
        if self.kernel_size[1:] == (1, 1):
            return self._convolve_pixels(inputs, kernel[:, 0])
        if self.over_frames:
            return self._convolve_stacks(inputs, kernel)
        return ops.conv(
            pad_with_zeros(inputs, [size // 2 for size in self.kernel_size]),
            kernel,
            self.strides,
            padding="valid",
            data_format="channels_last",
        )

    def _convolve_frames(self, inputs, kernel):
        """Convolves frames `[B, T, H, W, C]` with a kernel `[h, w, in, out]`."""
        every = self.strides[0]
        return self._convolve_each(inputs[:, ::every] if every > 1 else inputs, kernel)

    def _convolve_stacks(self, inputs, kernel):
        """Convolves stacks of frames, as high as a kernel `[t, h, w, in, out]` is long."""
        time, stride = self.kernel_size[0], self.strides[0]
        clip = pad_with_zeros(inputs, (time // 2, 0, 0))
        last = clip.shape[1] - time  # where the last window may start
        parts = [clip[:, i : i + last + 1 : stride] for i in range(time)]

        kernel = ops.transpose(kernel, (1, 2, 0, 3, 4))
        shape = (*self.kernel_size[1:], time * clip.shape[-1], self.filters)
        return self._convolve_each(ops.concatenate(parts, axis=-1), ops.reshape(kernel, shape))

    def _convolve_each(self, clip, kernel):
        frames = ops.reshape(clip, (-1, *clip.shape[2:]))
        frames = pad_with_zeros(frames, [size // 2 for size in self.kernel_size[1:]])
        outputs = ops.conv(
            frames, kernel, self.strides[1:], padding="valid", data_format="channels_last"
        )
        return ops.reshape(outputs, (-1, clip.shape[1], *outputs.shape[1:]))

    def _convolve_pixels(self, inputs, kernel):
        """Convolves each pixel over time with a kernel `[t, 1, in, out]`."""
        along, *every = self.strides
        clip = inputs[:, :, :: every[0], :: every[1]] if max(every) > 1 else inputs
        _, time, height, width, channels = clip.shape
        rows = ops.reshape(clip, (-1, time, height * width, channels))
        rows = pad_with_zeros(rows, (self.kernel_size[0] // 2, 0))
        outputs = ops.conv(rows, kernel, (along, 1), padding="valid", data_format="channels_last")
        return ops.reshape(outputs, (-1, outputs.shape[1], height, width, outputs.shape[-1]))

    def compute_output_shape(self, input_shape):
        sizes = zip(input_shape[1:4], self.strides, strict=True)
        strided = [None if size is None else (size - 1) // stride + 1 for size, stride in sizes]
        return (input_shape[0], *strided, self.filters)


def pad_with_zeros(inputs: Any, amounts: Sequence[int]) -> Any:
    """Adds zeros on both sides of the axes after the first."""
    if not any(amounts):
        return inputs
    return ops.pad(inputs, ((0, 0), *((amount, amount) for amount in amounts), (0, 0)))
