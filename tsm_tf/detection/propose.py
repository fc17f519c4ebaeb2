"""The proposals of a region proposal network (Ren et al. 2015)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsm_tf.detection.anchors import ANCHOR_DEVIATIONS
from tsm_tf.detection.boxes import clip_boxes, decode_boxes
from tsm_tf.detection.nms import select_boxes


@keras.saving.register_keras_serializable(package="tsm_tf")
class Proposals(keras.layers.Layer):
    """Turns scores and deltas of anchors into the regions that the head looks at.

    All anchors are decoded and cut to the image. The best ones pass non-maximum suppression. If
    fewer than `num_proposals` are left, they are repeated in order. Gradients do not pass.

    Args:
        num_proposals: regions per image, R.
        height: pixels of the image.
        width: pixels of the image.
        threshold: IoU above which the worse region is dropped.
        num_candidates: regions per image before suppression.
        deviations: what the deltas are multiplied by.

    Call arguments:
        scores: `[B, A]`, larger for objects. Logits have fewer ties than probabilities.
        deltas: `[B, A, 4]`.
        anchors: `[A, 4]`.

    Returns:
        `float32 [B, R, 4]`, best first.
    """

    def __init__(
        self,
        num_proposals: int,
        height: int,
        width: int,
        threshold: float = 0.7,
        num_candidates: int = 6000,
        deviations: Sequence[float] = ANCHOR_DEVIATIONS,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")  # also in mixed precision
        super().__init__(**kwargs)
        self.num_proposals = num_proposals
        self.height, self.width = height, width
        self.threshold = threshold
        self.num_candidates = num_candidates
        self.deviations = tuple(deviations)

    def call(self, scores, deltas, anchors):
        anchors = ops.convert_to_tensor(anchors, dtype="float32")
        scores, deltas = ops.stop_gradient(scores), ops.stop_gradient(deltas)
        count = min(self.num_candidates, scores.shape[1])
        scores, order = ops.top_k(scores, count)

        deltas = ops.take_along_axis(deltas, order[..., None], axis=1)
        deltas = deltas * ops.convert_to_tensor(self.deviations, dtype="float32")
        boxes = decode_boxes(deltas, ops.take(anchors, order, axis=0))
        boxes = clip_boxes(boxes, self.height, self.width)

        limit = min(self.num_proposals, count)
        chosen, found = select_boxes(boxes, scores[:, None], self.threshold, limit)
        found = ops.maximum(found, 1)[:, None]  # none are found among NaN scores
        slots = ops.arange(self.num_proposals, dtype="int32") % found
        chosen = ops.take_along_axis(chosen, slots, axis=1)
        return ops.take_along_axis(boxes, chosen[..., None], axis=1)

    def compute_output_shape(self, scores_shape, deltas_shape, anchors_shape):
        return (scores_shape[0], self.num_proposals, 4)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_proposals": self.num_proposals,
            "height": self.height,
            "width": self.width,
            "threshold": self.threshold,
            "num_candidates": self.num_candidates,
            "deviations": self.deviations,
        }
