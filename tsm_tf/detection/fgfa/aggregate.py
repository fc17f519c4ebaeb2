"""Adaptive weights and the weighted sum of warped features (FGFA, section 3.2)."""

from typing import Any

import keras
from keras import ops

_EPSILON = 1e-10  # that of MXNet's L2Normalization


def similarity_weights(embeddings: Any, reference: Any) -> Any:
    """Returns the weight of each frame at each position.

    That is the softmax over frames of the cosine between a frame's embedding and the reference.
    The official code uses the same weights; the paper's equation 2 has no softmax.

    Args:
        embeddings: warped embeddings `[B, T, H, W, E]`.
        reference: embedding of the current frame `[B, H, W, E]`.

    Returns:
        `[B, T, H, W, 1]`, float32 at least; the sum over T is 1.
    """
    embeddings, reference = _normalise(embeddings), _normalise(reference)
    cosine = ops.sum(embeddings * reference[:, None], axis=-1, keepdims=True)
    return ops.softmax(cosine, axis=1)


def aggregate(features: Any, weights: Any) -> Any:
    """Returns the weighted sum over frames, `[B, H, W, C]`, in the type of the features.

    Args:
        features: warped features `[B, T, H, W, C]`.
        weights: `[B, T, H, W, 1]`.
    """
    return ops.sum(ops.multiply(features, ops.cast(weights, features.dtype)), axis=1)


def _normalise(x: Any) -> Any:
    """Divides the vectors along the last axis by their lengths."""
    if keras.backend.standardize_dtype(x.dtype) != "float64":
        x = ops.cast(x, "float32")
    return x * ops.rsqrt(ops.sum(ops.square(x), axis=-1, keepdims=True) + _EPSILON)
