"""Samples of annotated frames for training detectors, as a `tf.data.Dataset`."""

import os

import tensorflow as tf

from tsm_tf.data.epoch_order import Order
from tsm_tf.data.observer import Observer
from tsm_tf.detection.data.listing import DetectionListing


def detection_dataset(
    listing: DetectionListing | str | os.PathLike,
    spec,
    split: str,
    batch_size: int,
    *,
    training: bool,
    order: Order = Order(),  # noqa: B008 (frozen)
    stride: int = 1,
    max_offset: int = 9,
    max_boxes: int = 32,
    cache_bytes: int = 1 << 30,
    observer: Observer | None = None,
) -> tf.data.Dataset:
    """Returns `(clip uint8 [B, T, H, W, 3], {"boxes": f32 [B, T, M, 4], "classes": i32 [B, T, M]})`.

    See the signature only; the body follows.
    """
    raise NotImplementedError
