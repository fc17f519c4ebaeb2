"""The non-local block (Wang et al.), which Table 3 of the paper combines with TSM."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError

_MOMENTUM, _EPSILON = 0.9, 1e-5  # PyTorch's defaults


@keras.saving.register_keras_serializable(package="tsm_tf")
class NonLocal(keras.layers.Layer):
    """Adds to each position a sum over all positions in its clip, weighted by embedded similarity.

    As in the official code: the inner channels are half the outer ones, `g` and `phi` are followed
    by a (1, 2, 2) max-pool, the softmax is not scaled by sqrt(d), and a batch norm ends the branch.
    1x1x1 convolutions are dense layers over channels. The sublayers have the official names with
    `_` for `.`: `theta`, `phi_0`, `g_0`, `W_0`, `W_1`.

    Args:
        num_segments: frames per clip, T.
        project_bias: whether the last convolution has a bias. MMAction2's has none.

    Call arguments:
        inputs: `[N*T, H, W, C]`, the frames of each clip next to each other, or clips
            `[N, T, H, W, C]`; H and W at least 2.

    Returns:
        A tensor with the shape of the inputs.

    Raises:
        InputError: `num_segments` is not a positive integer, or frames are too small to pool.
    """

    def __init__(self, num_segments: int, project_bias: bool = True, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_segments, int) or num_segments < 1:
            raise InputError("num_segments", "must be a positive integer", num_segments)
        self.num_segments = num_segments
        self.project_bias = project_bias

    def build(self, input_shape):
        if min(input_shape[-3:-1]) < 2:
            rule = "must be at least 2x2 in height and width to be pooled"
            raise InputError("inputs", rule, tuple(input_shape))

        channels, dtype = input_shape[-1], self.dtype_policy
        self.pool = keras.layers.MaxPooling2D(2, dtype=dtype)
        self.theta = keras.layers.Dense(channels // 2, name="theta", dtype=dtype)
        self.phi = keras.layers.Dense(channels // 2, name="phi_0", dtype=dtype)
        self.g = keras.layers.Dense(channels // 2, name="g_0", dtype=dtype)
        self.project = keras.layers.Dense(
            channels,
            use_bias=self.project_bias,
            name="W_0",
            dtype=dtype,
        )
        self.norm = keras.layers.BatchNormalization(
            momentum=_MOMENTUM,
            epsilon=_EPSILON,
            gamma_initializer="zeros",  # a block added to a trained network starts as an identity
            name="W_1",
            dtype=dtype,
        )

        self.theta.build(input_shape)
        self.phi.build(input_shape)
        self.g.build(input_shape)
        self.project.build((*input_shape[:-1], channels // 2))
        self.norm.build(input_shape)

    def call(self, inputs, training=None):
        """Attends over T*H*W positions, with keys and values at T*(H//2)*(W//2)."""
        shape = ops.shape(inputs)
        frames = ops.reshape(inputs, (-1, *shape[-3:]))
        theta = self._positions(self.theta(frames))
        phi = self._positions(self.pool(self.phi(frames)))
        g = self._positions(self.pool(self.g(frames)))

        similarity = ops.softmax(ops.matmul(theta, ops.transpose(phi, (0, 2, 1))), axis=-1)
        branch = ops.reshape(ops.matmul(similarity, g), (-1, *shape[1:-1], shape[-1] // 2))
        return inputs + self.norm(self.project(branch), training=training)

    def _positions(self, embedded):
        """Reshapes `[N*T, h, w, c]` to `[N, T*h*w, c]`."""
        shape = ops.shape(embedded)
        return ops.reshape(embedded, (-1, self.num_segments * shape[1] * shape[2], shape[-1]))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_segments": self.num_segments,
            "project_bias": self.project_bias,
        }
