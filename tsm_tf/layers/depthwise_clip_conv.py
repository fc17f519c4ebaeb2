"""A depthwise convolution over clips, as convolutions of frames.

TensorFlow has no 3D convolution with groups on processors, and TensorFlow Lite has none at all.
"""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError
from tsm_tf.layers.clip_conv import pad_with_zeros


@keras.saving.register_keras_serializable(package="tsm_tf")
class DepthwiseClipConv(keras.layers.Layer):
    """Convolves each channel over time, height and width with a kernel of its own, without a bias.

    It is the sum of a depthwise convolution of frames for each of the kernel's time steps, padded
    by `kernel_size // 2` on each side as in PyTorch's networks.

    With TensorFlow on a processor, Keras does not compile a model that has this layer with XLA by
    itself: a training step of the layer would take 10 times as long.

    Args:
        kernel_size: time, height and width of the kernels, odd.
        strides: strides over time, height and width, the last two equal.

    Call arguments:
        inputs: `[B, T, H, W, C]`.

    Returns:
        `[B, T', H', W', C]`; with stride `s`, `T' = (T - 1) // s + 1`, and so on.

    Raises:
        InputError: an even kernel, or different strides over height and width.
    """

    def __init__(
        self,
        kernel_size: tuple[int, int, int],
        strides: tuple[int, int, int] = (1, 1, 1),
        **kwargs,
    ):
        super().__init__(**kwargs)
        if any(size % 2 == 0 for size in kernel_size):
            raise InputError("kernel_size", "must be odd", tuple(kernel_size))
        if strides[1] != strides[2]:
            rule = "must be equal over height and width"
            raise InputError("strides", rule, tuple(strides))
        self.kernel_size = tuple(kernel_size)
        self.strides = tuple(strides)
        self.supports_jit = keras.backend.backend() != "tensorflow" or _has_accelerator()

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, 1, input_shape[-1]),
            initializer=keras.initializers.HeNormal(),
        )

    def call(self, inputs):
        clip = pad_with_zeros(inputs, [size // 2 for size in self.kernel_size])
        last = clip.shape[1] - self.kernel_size[0]  # where the last window may start
        kernels = ops.transpose(self.kernel, (0, 1, 2, 4, 3))

        total: Any = None
        for i in range(self.kernel_size[0]):
            part = clip[:, i : i + last + 1 : self.strides[0]]
            frames = ops.depthwise_conv(
                ops.reshape(part, (-1, *part.shape[2:])),
                kernels[i],
                self.strides[1],
                padding="valid",
                data_format="channels_last",
            )
            total = frames if total is None else total + frames
        return ops.reshape(total, (-1, last // self.strides[0] + 1, *total.shape[1:]))

    def compute_output_shape(self, input_shape):
        sizes = zip(input_shape[1:4], self.strides, strict=True)
        strided = [None if size is None else (size - 1) // stride + 1 for size, stride in sizes]
        return (input_shape[0], *strided, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "strides": self.strides,
        }


def _has_accelerator() -> bool:
    return not all(name.startswith("cpu") for name in keras.distribution.list_devices())
