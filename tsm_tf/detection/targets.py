"""Which anchors and regions are trained, and for what."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsm_tf.detection.boxes import encode_boxes, iou

ROI_DEVIATIONS = (0.1, 0.1, 0.2, 0.2)  # deltas are divided by them
_OBJECT = 0.5  # IoU


def sample_anchors(labels: Any, seed: Any, count: int = 256, max_objects: int = 128) -> Any:
    """Keeps a random sample of the labels of each image and ignores the rest.

    Args:
        labels: `int32 [B, A]`: 1 object, 0 background, -1 ignored.
        seed: a `keras.random.SeedGenerator`, or an integer for always the same sample.
        count: anchors to keep per image.
        max_objects: objects among them; background fills up.

    Returns:
        Labels `int32 [B, A]`.
    """
    order = keras.random.uniform(ops.shape(labels), seed=seed)
    limit = ops.minimum(ops.sum(ops.cast(labels == 1, "int32"), axis=-1), max_objects)
    objects = _best(ops.where(labels == 1, order, -1.0), limit, max_objects)
    background = _best(ops.where(labels == 0, order, -1.0), count - limit, count)
    return ops.where(objects | background, labels, -1)


def assign_rois(
    rois: Any,
    boxes: Any,
    classes: Any,
    deviations: Sequence[float] = ROI_DEVIATIONS,
) -> tuple[Any, Any, Any]:
    """Adds the true boxes to the proposals and finds the object that each is trained for.

    A region is an object if its IoU with a true box is at least 0.5, else it is background.

    Args:
        rois: `[B, R, 4]`.
        boxes: true boxes `[B, M, 4]`, M at least 1.
        classes: `int [B, M]`, from 0; -1 marks padding.
        deviations: what the deltas are divided by.

    Returns:
        - Regions `[B, R + M, 4]`.
        - Labels `int32 [B, R + M]`: 0 background, c + 1 for class c, -1 for padding.
        - Deltas `[B, R + M, 4]`, which are 0 except for objects.
    """
    valid, classes = classes >= 0, ops.cast(classes, "int32")
    first_pixel = ops.convert_to_tensor([0, 0, 1, 1], dtype=rois.dtype)
    boxes = ops.where(valid[..., None], ops.cast(boxes, rois.dtype), first_pixel)
    rois = ops.stop_gradient(ops.concatenate([rois, boxes], axis=1))

    overlaps = ops.where(valid[:, None, :], iou(rois, boxes), -1.0)
    nearest = ops.argmax(overlaps, axis=-1)
    is_object = ops.max(overlaps, axis=-1) >= _OBJECT

    labels = ops.where(is_object, ops.take_along_axis(classes, nearest, axis=1) + 1, 0)
    is_padding = ops.pad(ops.logical_not(valid), ((0, 0), (rois.shape[1] - valid.shape[1], 0)))
    labels = ops.cast(ops.where(is_padding, -1, labels), "int32")

    is_object = (labels > 0)[..., None]
    deltas = encode_boxes(ops.take_along_axis(boxes, nearest[..., None], axis=1), rois)
    deltas = deltas / ops.convert_to_tensor(deviations, dtype=rois.dtype)
    return rois, labels, ops.where(is_object, deltas, ops.zeros_like(deltas))


def hardest(labels: Any, losses: Any, count: int) -> Any:
    """Keeps the labels with the largest losses (online hard example mining).

    Args:
        labels: `int32 [B, N]`; -1 is ignored.
        losses: `[B, N]`.
        count: how many labels to keep per image.

    Returns:
        Labels `int32 [B, N]`, -1 for the others.
    """
    losses = ops.where(labels >= 0, ops.stop_gradient(losses), -1.0)
    total = ops.full_like(losses[:, 0], count, dtype="int32")
    return ops.where(_best(losses, total, count), labels, -1)


def _best(values, counts, limit):
    """Marks the `counts` `[B]` (at most `limit`) largest values `[B, N]` that are at least 0."""
    limit = min(limit, values.shape[1])
    rank = ops.clip(counts - 1, 0, limit - 1)[:, None]
    smallest = ops.take_along_axis(ops.top_k(values, limit)[0], rank, axis=1)
    return (values >= smallest) & (values >= 0) & (counts[:, None] > 0)
