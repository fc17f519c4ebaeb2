"""The features of boxes in a clip: RoIAlign over the boxes of each time step."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tsm_tf")
class RegionFeatures(keras.layers.Layer):
    """Samples feature maps in boxes and takes the maximum of each box.

    RoIAlign (He et al. 2017) in its first form, without a shift of half a pixel: `bins * bins`
    averages of 2x2 bilinear samples, of which the largest is taken. A box is at least one cell
    wide and high. Samples more than one cell outside the maps are 0; others take the value of the
    border. Bilinear weights of rows and columns are independent, so the samples are two matrix
    products.

    Args:
        scale: cells of the feature maps per pixel of the input.
        bins: number of averages along each side of a box.

    Call arguments:
        inputs: feature maps `[B, T, H, W, C]`, and boxes `[B, T, R, 4]` with x1, y1, x2, y2 in
            pixels of the input.

    Returns:
        `[B, T*R, C]`, row `t*R + r`.
    """

    def __init__(self, scale: float, bins: int = 7, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.bins = bins

    def call(self, inputs):
        maps, boxes = inputs
        _, time, height, width, channels = maps.shape
        boxes = ops.cast(boxes, maps.dtype) * self.scale
        rows = self._weights(boxes[..., 1], boxes[..., 3], height)  # [B, T, R, bins, H]
        columns = self._weights(boxes[..., 0], boxes[..., 2], width)

        shape = (-1, time, height, width * channels)
        sampled = ops.einsum("btrih,bthx->btrix", rows, ops.reshape(maps, shape))
        count = ops.shape(boxes)[2]
        sampled = ops.reshape(sampled, (-1, time, count, self.bins, width, channels))
        sampled = ops.einsum("btriwc,btrjw->btrijc", sampled, columns)
        return ops.reshape(ops.max(sampled, axis=(3, 4)), (-1, time * count, channels))

    def _weights(self, start, end, size):
        """Returns the weight of each cell in the average of each bin, along one side."""
        side = ops.maximum(end - start, 1)[..., None]
        samples = (ops.arange(2 * self.bins, dtype=start.dtype) + 0.5) / (2 * self.bins)
        places = start[..., None] + samples * side  # [B, T, R, 2 * bins]

        is_inside = ops.logical_and(places >= -1, places <= size)
        places = ops.clip(places, 0, size - 1)[..., None]
        weights = ops.relu(1 - ops.abs(places - ops.arange(size, dtype=start.dtype)))
        weights *= ops.cast(is_inside, start.dtype)[..., None]
        return (weights[..., 0::2, :] + weights[..., 1::2, :]) / 2

    def compute_output_shape(self, input_shape):
        (batch, time, *_, channels), (_, _, count, _) = input_shape
        return (batch, None if count is None else time * count, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "bins": self.bins}
