"""The non-local block (Wang et al.), which TSM is combined with in Table 3 of the paper."""

import keras
from keras import ops

from tsm_tf.errors import InputError


@keras.saving.register_keras_serializable(package="tsm_tf")
class NonLocal(keras.layers.Layer):
    """Adds to each position a sum over all positions of its clip, weighted by embedded similarity.

    As in the official code: inner channels are half the outer; `g` and `phi` pass a (1, 2, 2) max-pool; the
    softmax is not scaled by sqrt(d); a batch norm ends the branch. 1x1x1 convolutions are dense layers on channels.
    Its layers have the official names with `_` for `.`: `theta`, `phi_0`, `g_0`, `W_0`, `W_1`.

    Args:
        num_segments: frames per clip, T.

    Call arguments:
        inputs: `[N*T, H, W, C]`, the frames of each clip next to each other; H and W at least 2.

    Returns:
        A tensor of the inputs' shape.

    Raises:
        InputError: `num_segments` that is not a positive integer, or frames too small to pool.
    """

    def __init__(self, num_segments: int, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(num_segments, int) or num_segments < 1:
            raise InputError("num_segments", "must be a positive integer", num_segments)
        self.num_segments = num_segments

    def build(self, input_shape):
        """Makes the embeddings and the output projection."""
        if min(input_shape[1:3]) < 2:
            raise InputError(
                "inputs",
                "must be at least 2x2 in height and width to be pooled",
                tuple(input_shape),
            )
        channels = input_shape[-1]
        options = {"dtype": self.dtype_policy}
        self.pool = keras.layers.MaxPooling2D(2, **options)
        self.theta = keras.layers.Dense(channels // 2, name="theta", **options)
        self.phi = keras.layers.Dense(channels // 2, name="phi_0", **options)
        self.g = keras.layers.Dense(channels // 2, name="g_0", **options)
        self.project = keras.layers.Dense(channels, name="W_0", **options)
        # Zero at first, so that a block added to a trained network changes nothing yet.
        self.norm = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, gamma_initializer="zeros", name="W_1", **options
        )
        self.theta.build(input_shape)
        self.phi.build(input_shape)
        self.g.build(input_shape)
        self.project.build((*input_shape[:-1], channels // 2))
        self.norm.build(input_shape)

    def call(self, inputs, training=None):
        """Attends over T*H*W positions, with keys and values from T*(H//2)*(W//2)."""
        embedded = (self.theta(inputs), self.pool(self.phi(inputs)), self.pool(self.g(inputs)))
        theta, phi, g = (self._positions(y) for y in embedded)
        similarity = ops.softmax(ops.matmul(theta, ops.transpose(phi, (0, 2, 1))), axis=-1)
        shape = ops.shape(inputs)
        branch = ops.reshape(ops.matmul(similarity, g), (-1, *shape[1:3], shape[-1] // 2))
        return inputs + self.norm(self.project(branch), training=training)

    def _positions(self, embedded):
        """[N*T, h, w, c] -> [N, T*h*w, c]."""
        shape = ops.shape(embedded)
        return ops.reshape(embedded, (-1, self.num_segments * shape[1] * shape[2], shape[-1]))

    def compute_output_shape(self, input_shape):
        """Returns the input's shape."""
        return input_shape

    def get_config(self):
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_segments": self.num_segments}
