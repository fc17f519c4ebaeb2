"""Graph convolutions over the regions of a clip (Wang and Gupta 2018, "Videos as Space-Time
Region Graphs")."""

from typing import Any

import keras
from keras import ops

_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="tsm_tf")
class RegionGraph(keras.layers.Layer):
    """Exchanges features between regions that are similar, or that overlap from step to step.

    There is no official code. `tests/golden/NETWORKS.md` says which of the details are the paper's
    and which were chosen. Two branches start from the regions `X`, with three layers each:

        A = ReLU(norm(S @ dense(A) + A))
        B = ReLU(norm(front @ dense(B) + back @ dense(B) + B))

    `S` is the softmax over all regions of `phi(x_i) . phi_prime(x_j)`. `front` connects a box to
    the boxes of the next time step by their intersection over union, `back` to those of the
    previous step; both are divided by the sums of their rows. The sublayers have the names of the
    golden checkpoints with `_` for `.`.

    Args:
        num_layers: graph convolutions per branch.

    Call arguments:
        inputs: regions `[B, T*R, C]`, row `t*R + r`, and boxes `[B, T, R, 4]` with x1, y1, x2, y2.

    Returns:
        The mean of `A + B` over the regions, `[B, C]`.
    """

    def __init__(self, num_layers: int = 3, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers

    def build(self, input_shape):
        shape = input_shape[0]
        self.phi = self._dense("phi", shape)
        self.phi_prime = self._dense("phi_prime", shape)
        numbers = range(self.num_layers)
        self.sim = [self._dense(f"sim_{i}", shape) for i in numbers]
        self.front = [self._dense(f"front_{i}", shape) for i in numbers]
        self.back = [self._dense(f"back_{i}", shape) for i in numbers]
        self.sim_norm = [self._norm(f"sim_norm_{i}", shape) for i in numbers]
        self.st_norm = [self._norm(f"st_norm_{i}", shape) for i in numbers]

    def _dense(self, name, shape):
        layer = keras.layers.Dense(shape[-1], use_bias=False, name=name, dtype=self.dtype_policy)
        layer.build(shape)
        return layer

    def _norm(self, name, shape):
        layer = keras.layers.LayerNormalization(
            epsilon=_EPSILON, name=name, dtype=self.dtype_policy
        )
        layer.build(shape)
        return layer

    def call(self, inputs):
        regions, boxes = inputs
        similarity = self.similarity(regions)
        front, back = overlap_graphs(ops.cast(boxes, regions.dtype))

        a = b = regions
        for i in range(self.num_layers):
            a = ops.relu(self.sim_norm[i](ops.matmul(similarity, self.sim[i](a)) + a))
            forward = ops.matmul(front, self.front[i](b))
            backward = ops.matmul(back, self.back[i](b))
            b = ops.relu(self.st_norm[i](forward + backward + b))
        return ops.mean(a + b, axis=1)

    def similarity(self, regions: Any) -> Any:
        """Returns the similarity graph `[B, N, N]`, whose rows sum to 1."""
        keys = ops.transpose(self.phi_prime(regions), (0, 2, 1))
        return ops.softmax(ops.matmul(self.phi(regions), keys), axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], input_shape[0][-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_layers": self.num_layers}


def overlap_graphs(boxes: Any) -> tuple[Any, Any]:
    """Returns the graphs from boxes to those of the next and of the previous time step.

    Args:
        boxes: `[B, T, R, 4]`.

    Returns:
        `front` and `back`, each `[B, T*R, T*R]`; rows sum to 1, or to 0 without any overlap.
    """
    time, count = boxes.shape[1], ops.shape(boxes)[2]
    overlaps = _iou(boxes, ops.roll(boxes, -1, axis=1))  # [B, T, R, R], of a step and the next
    steps = ops.eye(time, k=1, dtype=boxes.dtype)  # the last step has no next one
    blocks = overlaps[:, :, :, None, :] * steps[:, None, :, None]
    front = ops.reshape(blocks, (-1, time * count, time * count))
    return _normalise(front), _normalise(ops.transpose(front, (0, 2, 1)))


def _iou(one: Any, other: Any) -> Any:
    """Returns the intersections over unions `[..., R, R]` of boxes `[..., R, 4]`."""
    one, other = one[..., :, None, :], other[..., None, :, :]
    start, end = (
        ops.maximum(one[..., :2], other[..., :2]),
        ops.minimum(one[..., 2:], other[..., 2:]),
    )
    common = ops.prod(ops.relu(end - start), axis=-1)
    union = ops.prod(one[..., 2:] - one[..., :2], axis=-1) - common
    union = union + ops.prod(other[..., 2:] - other[..., :2], axis=-1)
    return common / ops.where(union > 0, union, ops.ones_like(union))


def _normalise(graph: Any) -> Any:
    total = ops.sum(graph, axis=-1, keepdims=True)
    return graph / ops.where(total > 0, total, ops.ones_like(total))
