"""The correlation operator of CorrNet (Wang et al. 2020): matches of each frame and the previous.

There is no official code. `tests/golden/NETWORKS.md` says what of it is the paper's.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from tsm_tf.errors import InputError
from tsm_tf.layers.clip_conv import pad_with_zeros


@keras.saving.register_keras_serializable(package="tsm_tf")
class Correlation(keras.layers.Layer):
    """Correlates each position of the previous frame with those around it in the current frame.

    The products of the two frames' values are weighted per channel, time step and displacement,
    and averaged over groups of neighbouring channels. The first frame is its own previous one. The
    weights `filter_weight` have PyTorch's layout, `[C, T, filter_size, filter_size]`, so the layer
    takes clips of one length only.

    Args:
        groups: groups of channels; must divide their number.
        filter_size: displacements per dimension, odd.
        dilation: pixels from one displacement to the next.

    Call arguments:
        inputs: `[B, T, H, W, C]`.

    Returns:
        `[B, T, H, W, filter_size**2 * groups]`: all groups of the displacement to the top left,
        then of the one to the right of it, and so on.

    Raises:
        InputError: an even filter, or groups that do not divide the channels.
    """

    def __init__(self, groups: int = 32, filter_size: int = 7, dilation: int = 2, **kwargs):
        super().__init__(**kwargs)
        if filter_size % 2 == 0:
            raise InputError("filter_size", "must be odd", filter_size)
        self.groups = groups
        self.filter_size = filter_size
        self.dilation = dilation

    def build(self, input_shape):
        time, channels = input_shape[1], input_shape[-1]
        if channels % self.groups:
            rule = f"must divide the number of channels, {channels}"
            raise InputError("groups", rule, self.groups)
        shape = (channels, time, self.filter_size, self.filter_size)
        deviation = (2 / (channels * self.filter_size**2)) ** 0.5  # as in tefantasy/CorrNet
        self.filter_weight = self.add_weight(
            name="filter_weight",
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=deviation),
        )

    def call(self, inputs):
        _, time, height, width, channels = inputs.shape
        previous = ops.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
        border = self.dilation * (self.filter_size // 2)
        current = pad_with_zeros(inputs, (0, border, border))
        filters = ops.transpose(self.filter_weight, (2, 3, 1, 0))

        maps = []
        for row, column in np.ndindex(self.filter_size, self.filter_size):
            top, left = self.dilation * row, self.dilation * column
            displaced = current[:, :, top : top + height, left : left + width]
            products = previous * filters[row, column][:, None, None, :] * displaced
            groups = (-1, time, height * width, self.groups, channels // self.groups)
            maps.append(ops.mean(ops.reshape(products, groups), axis=-1))
        return ops.reshape(
            ops.concatenate(maps, axis=-1),
            (-1, time, height, width, self.filter_size**2 * self.groups),
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filter_size**2 * self.groups)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "groups": self.groups,
            "filter_size": self.filter_size,
            "dilation": self.dilation,
        }
