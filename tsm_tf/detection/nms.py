"""Non-maximum suppression with static shapes and `keras.ops` only."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from keras import ops

from tsm_tf.detection.boxes import iou

_MANY = 1000  # with more boxes, the overlaps of one image at a time are kept in memory

Selector = Callable[[Any, Any, float, int, float], tuple[Any, Any]]


def non_maximum_suppression(boxes: Any, scores: Any, threshold: float) -> Any:
    """Marks the boxes that do not overlap a better one that is kept.

    The greedy loop over boxes in falling score has one result: the only solution of
    `keep[j] = no kept i with a higher score and IoU(i, j) > threshold`. Starting from all boxes,
    this equation is applied until nothing changes, which takes a few rounds.

    Args:
        boxes: `[..., N, 4]`, half-open. The leading dimensions are broadcast to those of `scores`.
        scores: `[..., N]`. The first of two equal scores counts as higher.
        threshold: IoU above which the worse box is dropped.

    Returns:
        `bool [..., N]`, in the order of the boxes.
    """
    boxes, scores = ops.stop_gradient(boxes), ops.stop_gradient(scores)
    score, other = scores[..., :, None], scores[..., None, :]
    positions = ops.arange(scores.shape[-1])
    is_later = positions[:, None] > positions
    is_worse = (score < other) | ((score == other) & is_later)
    is_hit = is_worse & (iou(boxes, boxes) > threshold)  # row: a box; column: what may drop it

    def is_unfinished(_, is_changed):
        return is_changed

    def update(keep, _):
        kept = ops.logical_not(ops.any(is_hit & keep[..., None, :], axis=-1))
        return kept, ops.any(kept != keep)

    start = ops.ones_like(scores, dtype="bool")
    return ops.while_loop(is_unfinished, update, (start, ops.convert_to_tensor(True)))[0]


def select_boxes(
    boxes: Any,
    scores: Any,
    threshold: float,
    limit: int,
    min_score: float = float("-inf"),
) -> tuple[Any, Any]:
    """Applies non-maximum suppression to each class and finds the best boxes of all classes.

    Args:
        boxes: `[B, N, 4]`, shared by the classes, at least 0 and below 4,096.
        scores: `[B, C, N]`.
        threshold: IoU above which the worse box of the same class is dropped.
        limit: how many boxes to select at most.
        min_score: scores must be larger.

    Returns:
        Indices `int32 [B, limit]` into the flattened `[C * N]` scores, best first, 0 after the
        last one, and how many there are, `int32 [B]`.
    """
    return _selector(boxes, scores, threshold, limit, min_score)


def _select_boxes(boxes, scores, threshold, limit, min_score):
    if boxes.shape[1] > _MANY:
        keep = ops.map(lambda x: non_maximum_suppression(x[0], x[1], threshold), (boxes, scores))
    else:
        keep = non_maximum_suppression(boxes[:, None], scores, threshold)
    keep &= scores > min_score
    total = scores.shape[1] * scores.shape[2]
    kept = ops.reshape(ops.where(keep, scores, float("-inf")), (-1, total))
    indices = ops.cast(ops.top_k(kept, min(limit, total))[1], "int32")
    indices = ops.pad(indices, ((0, 0), (0, max(limit - total, 0))))

    count = ops.minimum(ops.sum(ops.cast(keep, "int32"), axis=(1, 2)), limit)
    return ops.where(ops.arange(limit) < count[:, None], indices, 0), count


_selector: Selector = _select_boxes


@contextlib.contextmanager
def use_selector(selector: Selector) -> Iterator[None]:
    """Context manager in which `select_boxes` calls another function, such as a fused operator.

    Args:
        selector: has the arguments (all of them positional) and the results of `select_boxes`.
    """
    global _selector
    before, _selector = _selector, selector
    try:
        yield
    finally:
        _selector = before
