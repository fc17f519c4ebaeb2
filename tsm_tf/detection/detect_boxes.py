"""The detections of an image, from the scores and deltas of its regions."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsm_tf.detection.boxes import clip_boxes, decode_boxes
from tsm_tf.detection.nms import select_boxes
from tsm_tf.detection.targets import ROI_DEVIATIONS


@keras.saving.register_keras_serializable(package="tsm_tf")
class DetectBoxes(keras.layers.Layer):
    """Decodes the boxes of the regions and selects the detections.

    Args:
        max_detections: detections per image, N.
        height: pixels of the image.
        width: pixels of the image.
        score_threshold: probabilities must be larger.
        threshold: IoU above which the worse box of the same class is dropped.
        deviations: what the deltas are multiplied by.

    Call arguments:
        rois: `[B, R, 4]`.
        probabilities: `[B, R, 1 + classes]`, background first.
        deltas: `[B, R, 4]`, the same for all classes.

    Returns:
        What `detect_boxes` returns.
    """

    def __init__(
        self,
        max_detections: int,
        height: int,
        width: int,
        score_threshold: float = 0.001,
        threshold: float = 0.3,
        deviations: Sequence[float] = ROI_DEVIATIONS,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")  # also in mixed precision
        super().__init__(**kwargs)
        self.max_detections = max_detections
        self.height, self.width = height, width
        self.score_threshold = score_threshold
        self.threshold = threshold
        self.deviations = tuple(deviations)

    def call(self, rois, probabilities, deltas):
        deltas = deltas * ops.convert_to_tensor(self.deviations, dtype="float32")
        boxes = clip_boxes(decode_boxes(deltas, rois), self.height, self.width)
        return detect_boxes(
            boxes,
            probabilities,
            self.max_detections,
            self.score_threshold,
            self.threshold,
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_detections": self.max_detections,
            "height": self.height,
            "width": self.width,
            "score_threshold": self.score_threshold,
            "threshold": self.threshold,
            "deviations": self.deviations,
        }


def detect_boxes(
    boxes: Any,
    probabilities: Any,
    max_detections: int,
    score_threshold: float = 0.001,
    threshold: float = 0.3,
) -> tuple[Any, Any, Any, Any]:
    """Applies non-maximum suppression to each class and keeps the best detections of an image.

    Args:
        boxes: `[B, R, 4]`, the same for all classes.
        probabilities: `[B, R, 1 + classes]`, background first.
        max_detections: detections per image, N.
        score_threshold: probabilities must be larger.
        threshold: IoU above which the worse box of the same class is dropped.

    Returns:
        Boxes `[B, N, 4]`, classes `int32 [B, N]` from 0, scores `[B, N]`, and how many there are,
        `int32 [B]`. Best first. The rest is 0, its classes -1.
    """
    scores = ops.transpose(probabilities[..., 1:], (0, 2, 1))
    chosen, count = select_boxes(boxes, scores, threshold, max_detections, score_threshold)
    regions = boxes.shape[1]
    is_found = ops.arange(max_detections) < count[:, None]

    found = ops.take_along_axis(boxes, (chosen % regions)[..., None], axis=1)
    scores = ops.reshape(scores, (-1, scores.shape[1] * regions))
    scores = ops.take_along_axis(scores, chosen, axis=1)

    found = ops.where(is_found[..., None], found, ops.zeros_like(found))
    classes = ops.where(is_found, chosen // regions, -1)
    return found, classes, ops.where(is_found, scores, ops.zeros_like(scores)), count
