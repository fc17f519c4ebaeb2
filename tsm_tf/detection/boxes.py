"""Arithmetic of boxes: regression deltas, clipping, overlap.

Boxes are `[..., 4]`: x1, y1, x2, y2 in half-open pixels, so a width is `x2 - x1`. The original code
of R-FCN counts inclusive corners. With `x2 + 1` and `y2 + 1` all its formulas become these.
`keras.utils.bounding_boxes` has such functions too, but they round variances to float32, add an
epsilon to each union, and lack the clipping of the original.
"""

from typing import Any

from keras import ops


def encode_boxes(boxes: Any, anchors: Any) -> Any:
    """Returns what turns anchors into boxes (Girshick et al. 2014, appendix C).

    Args:
        boxes: `[..., 4]`.
        anchors: `[..., 4]`, broadcast against the boxes.

    Returns:
        Deltas `[..., 4]`: the distance of the centers in x and y relative to the anchor's size, the
        logarithms of the ratios of the widths and heights.
    """
    size, center = _size(anchors), _center(anchors)
    shift = (_center(boxes) - center) / size
    return ops.concatenate([shift, ops.log(_size(boxes) / size)], axis=-1)


def decode_boxes(deltas: Any, anchors: Any) -> Any:
    """Returns the boxes `[..., 4]` that `encode_boxes` has turned into deltas.

    Args:
        deltas: `[..., 4]`. Their exponents are not limited.
        anchors: `[..., 4]`, broadcast against the deltas.
    """
    size = _size(anchors)
    center = _center(anchors) + deltas[..., :2] * size
    half = ops.exp(deltas[..., 2:]) * size / 2
    return ops.concatenate([center - half, center + half], axis=-1)


def clip_boxes(boxes: Any, height: int, width: int) -> Any:
    """Returns boxes `[..., 4]` cut to an image, at least one pixel wide and high there."""
    x1, y1, x2, y2 = (boxes[..., i : i + 1] for i in range(4))
    sides = [
        ops.clip(x1, 0, width - 1),
        ops.clip(y1, 0, height - 1),
        ops.clip(x2, 1, width),
        ops.clip(y2, 1, height),
    ]
    return ops.concatenate(sides, axis=-1)


def iou(a: Any, b: Any) -> Any:
    """Returns the intersections over unions of all pairs of boxes.

    Args:
        a: `[..., N, 4]`.
        b: `[..., M, 4]`; the leading dimensions are broadcast.

    Returns:
        `[..., N, M]`, 0 for pairs without an area.
    """
    a, b = a[..., :, None, :], b[..., None, :, :]
    width = ops.minimum(a[..., 2], b[..., 2]) - ops.maximum(a[..., 0], b[..., 0])
    height = ops.minimum(a[..., 3], b[..., 3]) - ops.maximum(a[..., 1], b[..., 1])
    common = ops.relu(width) * ops.relu(height)

    union = _area(a) + _area(b) - common
    return common / ops.maximum(union, 1e-12)


def _size(boxes):
    return boxes[..., 2:] - boxes[..., :2]


def _center(boxes):
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def _area(boxes):
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
