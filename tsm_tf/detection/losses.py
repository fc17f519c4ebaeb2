"""Losses of R-FCN, normalised as in the code of R-FCN and FGFA. All are per image."""

from typing import Any

from keras import ops


def smooth_l1(x: Any, sigma: float = 1.0) -> Any:
    """Returns `(sigma * x)^2 / 2` for `|x| < 1 / sigma^2`, else `|x| - 0.5 / sigma^2`."""
    square = sigma * sigma
    size = ops.abs(x)
    return ops.where(size < 1 / square, 0.5 * square * x * x, size - 0.5 / square)


def proposal_losses(
    logits: Any,
    deltas: Any,
    labels: Any,
    targets: Any,
    count: int = 256,
) -> tuple[Any, Any]:
    """Losses of a region proposal network.

    Args:
        logits: `[B, A, 2]`, background first.
        deltas: `[B, A, 4]`.
        labels: `int32 [B, A]`: 1 object, 0 background, -1 ignored.
        targets: deltas `[B, A, 4]`.
        count: what the sum of the box losses is divided by: anchors per sample.

    Returns:
        The mean cross-entropy of the labels that are not ignored `[B]`, the box loss `[B]`.
    """
    return _class_loss(logits, labels), _box_loss(deltas, labels, targets) / count


def roi_losses(logits: Any, deltas: Any, labels: Any, targets: Any) -> Any:
    """Returns the loss of each region `[B, N]`, by which the hardest ones are found.

    Args:
        logits: `[B, N, 1 + classes]`, background first.
        deltas: `[B, N, 4]`.
        labels: `int32 [B, N]`: 0 background, c + 1 for class c, -1 ignored.
        targets: deltas `[B, N, 4]`.
    """
    return _cross_entropy(logits, labels) + _box_losses(deltas, labels, targets)


def head_losses(
    logits: Any,
    deltas: Any,
    labels: Any,
    targets: Any,
    count: int = 128,
) -> tuple[Any, Any]:
    """Losses of the head, for the arguments of `roi_losses`.

    Args:
        logits: `[B, N, 1 + classes]`, background first.
        deltas: `[B, N, 4]`.
        labels: from `hardest`.
        targets: deltas `[B, N, 4]`.
        count: what the sum of the box losses is divided by: the count of `hardest`.

    Returns:
        The mean cross-entropy of the labels that are not ignored `[B]`, the box loss `[B]`.
    """
    return _class_loss(logits, labels), _box_loss(deltas, labels, targets) / count


def _class_loss(logits, labels):
    total = ops.sum(_cross_entropy(logits, labels), axis=-1)
    count = ops.sum(ops.cast(labels >= 0, total.dtype), axis=-1)
    return total / ops.maximum(count, 1)


def _cross_entropy(logits, labels):
    """Cross-entropy `[B, N]`, 0 where labels are ignored."""
    logits = ops.cast(logits, "float32")
    losses = ops.sparse_categorical_crossentropy(
        ops.maximum(labels, 0),
        logits,
        from_logits=True,
    )
    return ops.where(labels >= 0, losses, ops.zeros_like(losses))


def _box_loss(deltas, labels, targets):
    return ops.sum(_box_losses(deltas, labels, targets), axis=-1)


def _box_losses(deltas, labels, targets):
    """Smooth L1 losses `[B, N]`, 0 except for objects."""
    losses = ops.sum(smooth_l1(ops.cast(deltas, "float32") - targets), axis=-1)
    return ops.where(labels > 0, losses, ops.zeros_like(losses))
