"""The anchors of a region proposal network, and which objects they are trained for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tsm_tf.detection.boxes import encode_boxes, iou

ANCHOR_DEVIATIONS = (0.1, 0.1, 0.4, 0.4)  # deltas are divided by them
_OBJECT, _BACKGROUND = 0.7, 0.3  # IoU


def base_anchors(stride: int, ratios: Sequence[float], scales: Sequence[float]) -> np.ndarray:
    """Returns the anchors of the first cell, `float32 [ratios * scales, 4]`, as in R-FCN's code.

    Args:
        stride: pixels per cell.
        ratios: heights over widths, the slow index. Widths and heights are rounded.
        scales: sizes relative to the stride.
    """
    center = (stride - 1) / 2  # of inclusive pixels
    widths = np.round(np.sqrt(stride * stride / np.array(ratios)))
    sizes = np.stack([widths, np.round(widths * ratios)], axis=-1)  # [ratios, 2]
    sizes = (sizes[:, None] * np.array(scales)[:, None]).reshape(-1, 2)

    half = (sizes - 1) / 2
    return np.concatenate([center - half, center + half + 1], axis=-1).astype(np.float32)


def all_anchors(height: int, width: int, stride: int, base: np.ndarray) -> np.ndarray:
    """Returns the anchors of a map, `float32 [height * width * len(base), 4]`.

    Args:
        height: rows of the map, the slowest index.
        width: its columns.
        stride: pixels per cell.
        base: `[A, 4]`, the fastest index.
    """
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    corners = np.stack([x, y, x, y], axis=-1) * stride
    return (corners[:, :, None] + base).reshape(-1, 4).astype(np.float32)


def assign_anchors(
    anchors: Any,
    boxes: Any,
    valid: Any,
    height: int,
    width: int,
    deviations: Sequence[float] = ANCHOR_DEVIATIONS,
) -> tuple[Any, Any]:
    """Finds the object that each anchor is trained for.

    An anchor is an object if its IoU with a true box is at least 0.7, or if no other anchor has a
    larger one with that box (ties included). It is background below 0.3. Anchors that cross the
    border of the image are ignored.

    Args:
        anchors: `[A, 4]`.
        boxes: true boxes `[B, M, 4]`, M at least 1.
        valid: `bool [B, M]`; the other boxes are padding.
        height: pixels of the image.
        width: pixels of the image.
        deviations: what the deltas are divided by.

    Returns:
        Labels `int32 [B, A]` (1 object, 0 background, -1 ignored), and deltas `[B, A, 4]`, which
        are 0 except for objects.
    """
    anchors = ops.convert_to_tensor(anchors)
    start, end = anchors[:, :2], anchors[:, 2:] - 1
    size = ops.convert_to_tensor([width, height], dtype=anchors.dtype)
    inside = ops.all((start >= 0) & (end < size), axis=-1)  # [A]

    overlaps = ops.where(inside[:, None] & valid[:, None, :], iou(anchors, boxes), -1.0)
    best = ops.max(overlaps, axis=-1)
    best_of_box = ops.max(overlaps, axis=1, keepdims=True)
    is_best = ops.any((overlaps == best_of_box) & (overlaps > 0), axis=-1)

    is_object = is_best | (best >= _OBJECT)
    labels = ops.where(is_object, 1, ops.where(inside & (best < _BACKGROUND), 0, -1))
    labels = ops.cast(labels, "int32")

    nearest = ops.take_along_axis(boxes, ops.argmax(overlaps, axis=-1)[..., None], axis=1)
    deltas = encode_boxes(nearest, anchors) / ops.convert_to_tensor(deviations, anchors.dtype)
    return labels, ops.where(is_object[..., None], deltas, ops.zeros_like(deltas))
