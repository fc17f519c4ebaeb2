"""Position-sensitive pooling of regions (Dai et al. 2016, "R-FCN")."""

from typing import Any

import keras
from keras import ops

from tsm_tf.errors import InputError

_SAMPLES = 2  # per bin and axis, for "align"


@keras.saving.register_keras_serializable(package="tsm_tf")
class PositionPool(keras.layers.Layer):
    """Pools each bin of each region from the bin's own channels.

    A region has `bins * bins` bins. Bin (i, j) of class c is pooled from channel
    `(c * bins + i) * bins + j`. Two kinds:

    - "average": the mean over whole cells, equal to the operator in the code of R-FCN and FGFA.
      Corners are rounded to pixels, the borders of bins outwards to cells.
    - "align": the mean of 2x2 bilinear samples, equal to `torchvision.ops.ps_roi_align`. It varies
      smoothly with the region, which helps on small maps.

    Both are weights of rows times weights of columns, so a matrix product pools all regions. It is
    differentiable in the maps, but not in the regions, and has static shapes.

    Args:
        bins: bins per axis, k.
        stride: pixels per cell.
        kind: "average" or "align".
        vote: whether to return the mean over all bins.

    Call arguments:
        maps: `[B, H, W, C * k * k]`.
        rois: half-open boxes in pixels `[B, R, 4]`.

    Returns:
        `[B, R, k, k, C]`, or `[B, R, C]` for `vote`.

    Raises:
        InputError: `kind` is unknown, or the channels are not a multiple of `k * k`.
    """

    def __init__(
        self,
        bins: int,
        stride: int,
        kind: str = "average",
        vote: bool = True,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # half precision is too coarse for rois
        if kind not in ("average", "align"):
            raise InputError("kind", "must be average or align", kind)
        self.bins, self.stride = bins, stride
        self.kind, self.vote = kind, vote

    def build(self, maps_shape, rois_shape):
        if maps_shape[-1] % self.bins**2:
            rule = f"must have a multiple of {self.bins}x{self.bins} channels"
            raise InputError("maps", rule, tuple(maps_shape))

    def call(self, maps, rois):
        height, width, channels = maps.shape[1:]
        count, k = rois.shape[1], self.bins
        rois = ops.stop_gradient(ops.cast(rois, "float32"))
        rows = ops.cast(self._weights(rois[..., 1], rois[..., 3], height), maps.dtype)
        columns = ops.cast(self._weights(rois[..., 0], rois[..., 2], width), maps.dtype)
        columns = ops.reshape(columns, (-1, count, 1, width))  # [B*k, R, 1, W]

        cells = ops.reshape(maps, (-1, height * width, channels // k**2, k, k))
        cells = ops.unstack(ops.transpose(cells, (3, 0, 4, 1, 2)), k)  # k times [B, k, H*W, C]

        pooled = []
        for i in range(k):  # a product for all at once would need k times the memory
            row = ops.repeat(rows[:, i], k, axis=0)[..., None]  # [B*k, R, H, 1]
            weights = ops.reshape(row * columns, (-1, count, height * width))
            values = ops.reshape(cells[i], (-1, height * width, channels // k**2))
            product = ops.matmul(weights, values)
            pooled.append(ops.reshape(product, (-1, k, count, channels // k**2)))

        if self.vote:
            return ops.sum(sum(pooled), axis=1) / k**2
        return ops.transpose(ops.stack(pooled, axis=1), (0, 3, 1, 2, 4))

    def _weights(self, start, end, size):
        """Returns the weight of each cell in each bin, `[B, k, R, size]`, along one axis."""
        start, end = start[:, None, :, None], end[:, None, :, None]
        bins = ops.arange(self.bins, dtype="float32")[:, None, None]
        cells = ops.arange(size, dtype="float32")
        function = _average_weights if self.kind == "average" else _align_weights
        return function(start, end, bins, cells, self.bins, size, 1 / self.stride)

    def compute_output_shape(self, maps_shape, rois_shape):
        classes = maps_shape[-1] // self.bins**2
        bins = () if self.vote else (self.bins, self.bins)
        return (*rois_shape[:2], *bins, classes)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "bins": self.bins,
            "stride": self.stride,
            "kind": self.kind,
            "vote": self.vote,
        }


def _average_weights(start, end, bins, cells, count, limit, scale):
    start = _round(start) * scale
    end = (_round(end - 1) + 1) * scale  # the original rounds the inclusive corner
    size = ops.maximum(end - start, 0.1)
    # Compilers replace a division by a constant with a product, which is rounded differently and
    # moves some borders of bins to another cell. They do not see that this is a constant.
    step = size / ops.clip(size, count, count)

    first = ops.clip(ops.floor(bins * step + start), 0, limit)
    last = ops.clip(ops.ceil((bins + 1) * step + start), 0, limit)
    # The numbers are whole. Without booleans, devices need fewer kinds of operators.
    inside = ops.clip(cells - first + 1, 0, 1) * ops.clip(last - cells, 0, 1)
    return inside / ops.maximum(last - first, 1)


def _align_weights(start, end, bins, cells, count, limit, scale):
    step = (end - start) * scale / count
    start = start * scale - 0.5

    total = 0.0
    for sample in range(_SAMPLES):
        place = start + bins * step + (sample + 0.5) / _SAMPLES * step
        # -1 <= place <= limit, without booleans, for which devices need more kinds of operators
        inside = ops.clip(ops.floor(place) + 2, 0, 1) * ops.clip(limit + 1 - ops.ceil(place), 0, 1)
        place = ops.clip(place, 0, limit - 1)
        total += inside * ops.relu(1 - ops.abs(place - cells))
    return total / _SAMPLES


def _round(x):
    """Rounds half away from zero, as in C."""
    return _round_positive(ops.relu(x)) - _round_positive(ops.relu(-x))


def _round_positive(x):
    whole = ops.floor(x)
    return whole + ops.floor(2 * (x - whole))
