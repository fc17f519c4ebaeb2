"""Layers that compute what those of a detector compute, with operators that TFLite has built in.

TFLite's `NON_MAX_SUPPRESSION_V4` replaces the loops of `tsm_tf.detection.nms`. Positions come only
from it and from `TOPK_V2`, so that `export.format` can prove that they lie inside what is read.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from tsm_tf.detection.boxes import clip_boxes, decode_boxes
from tsm_tf.detection.detect_boxes import DetectBoxes
from tsm_tf.detection.propose import Proposals

_NO_SCORE = -3e38


class FusedProposals(keras.layers.Layer):
    """The proposals of one image, as `Proposals` finds them.

    If there are fewer than `num_proposals`, the best one is repeated instead of all of them.
    Repeated regions are dropped at the end in any case.
    """

    def __init__(self, layer: Proposals):
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self._layer = layer

    def call(self, scores, deltas, anchors):
        layer = self._layer
        scores, deltas = scores[0], deltas[0] * np.array(layer.deviations, np.float32)
        if layer.num_candidates < scores.shape[0]:
            scores, order = tf.math.top_k(scores, layer.num_candidates)
            deltas, anchors = tf.gather(deltas, order), tf.gather(anchors, order)

        boxes = clip_boxes(decode_boxes(deltas, anchors), layer.height, layer.width)
        chosen, _ = _select(boxes, scores, layer.num_proposals, layer.threshold, _NO_SCORE)
        return tf.gather(boxes, chosen)[None]


class FusedDetections(keras.layers.Layer):
    """The detections of one image, as `DetectBoxes` finds them.

    The classes' boxes lie beside each other like tiles, so that one suppression serves them all.
    Padding has the class 0.
    """

    def __init__(self, layer: DetectBoxes):
        super().__init__(name=layer.name, dtype=layer.dtype_policy)
        self._layer = layer

    def call(self, rois, probabilities, deltas):
        layer = self._layer
        deltas = deltas[0] * np.array(layer.deviations, np.float32)
        boxes = clip_boxes(decode_boxes(deltas, rois[0]), layer.height, layer.width)
        num_rois, num_classes = probabilities.shape[1], probabilities.shape[2] - 1

        scores = tf.reshape(tf.transpose(probabilities[0, :, 1:]), [num_classes * num_rois])
        classes = np.repeat(np.arange(num_classes, dtype=np.float32), num_rois)
        candidates = tf.tile(boxes, [num_classes, 1])
        tiles = candidates + _tile_corners(classes, layer.height, layer.width)

        count = layer.max_detections
        chosen, found = _select(tiles, scores, count, layer.threshold, layer.score_threshold)
        found = tf.cast(found, tf.float32)
        is_found = tf.clip_by_value(found - np.arange(count, dtype=np.float32), 0, 1)
        return (
            (tf.gather(candidates, chosen) * is_found[:, None])[None],
            (tf.gather(classes, chosen) * is_found)[None],
            (tf.gather(scores, chosen) * is_found)[None],
            tf.reshape(found, [1]),
        )


def fused(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the layer of this module that takes the place of a detector's layer, or the layer."""
    if isinstance(layer, Proposals):
        return FusedProposals(layer)
    return FusedDetections(layer) if isinstance(layer, DetectBoxes) else layer


def _select(boxes, scores, limit, threshold, min_score):
    """Returns the positions of the boxes that are kept, best first, and how many there are."""
    return tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=scores,
        max_output_size=limit,
        iou_threshold=threshold,
        score_threshold=min_score,
        pad_to_max_output_size=True,
    )


def _tile_corners(classes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns the offset of the boxes of each class, `[len(classes), 4]`.

    Tiles in a square instead of a row have smaller coordinates, which float32 rounds less.
    """
    columns = math.ceil(math.sqrt(classes.max() + 1))
    x, y = classes % columns * width, classes // columns * height
    return np.stack([x, y, x, y], axis=1).astype(np.float32)
