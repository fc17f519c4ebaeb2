"""Warps feature maps along a flow field, as FGFA does (Zhu et al. 2017, section 3.1)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tsm_tf")
class Warp(keras.layers.Layer):
    """Samples maps bilinearly at `p + flow(p)`; positions outside the map are zero.

    The same as MXNet's `GridGenerator(transform_type="warp")` and `BilinearSampler`, which the
    official code uses. Coordinates are computed in float32 at least, also in mixed precision.

    Call arguments:
        inputs: maps `[N, H, W, C]` and flow `[N, H, W, 2]`, x and y in pixels of the maps.

    Returns:
        `[N, H, W, C]`.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        maps, flow = inputs
        _, height, width, channels = maps.shape
        maps = ops.cast(maps, self.compute_dtype)
        if keras.backend.standardize_dtype(flow.dtype) != "float64":
            flow = ops.cast(flow, "float32")

        # A border of zeros makes all four neighbours valid indices, without masks.
        padded = ops.pad(maps, ((0, 0), (1, 2), (1, 2), (0, 0)))
        rows = ops.reshape(padded, (-1, channels))
        x = flow[..., 0] + ops.arange(1, width + 1, dtype=flow.dtype)
        y = flow[..., 1] + ops.arange(1, height + 1, dtype=flow.dtype)[:, None]
        x, y = ops.clip(x, 0, width + 1), ops.clip(y, 0, height + 1)
        left, top = ops.floor(x), ops.floor(y)
        right_share, lower_share = x - left, y - top

        columns = width + 3
        images = ops.arange(ops.shape(maps)[0], dtype="int32")[:, None, None]
        corner = ops.cast(top, "int32") * columns + ops.cast(left, "int32")
        corner = corner + images * ((height + 3) * columns)

        warped = 0
        for offset, share in (
            (0, (1 - lower_share) * (1 - right_share)),
            (1, (1 - lower_share) * right_share),
            (columns, lower_share * (1 - right_share)),
            (columns + 1, lower_share * right_share),
        ):
            values = ops.take(rows, corner + offset, axis=0)
            warped = warped + values * ops.cast(share, values.dtype)[..., None]
        return warped

    def compute_output_shape(self, input_shape):
        return input_shape[0]
