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


class FusedProposals(Proposals):
    """The proposals of one image, as `Proposals` finds them.

    If there are fewer than `num_proposals`, the best one is repeated instead of all of them.
    Repeated regions are dropped at the end in any case.
    """

    def call(self, scores, deltas, anchors):
        scores, deltas = scores[0], deltas[0] * np.array(self.deviations, np.float32)
        if self.num_candidates < scores.shape[0]:
            scores, order = tf.math.top_k(scores, self.num_candidates)
            deltas, anchors = tf.gather(deltas, order), tf.gather(anchors, order)

        boxes = clip_boxes(decode_boxes(deltas, anchors), self.height, self.width)
        chosen, found = _select(boxes, scores, self.num_proposals, self.threshold, _NO_SCORE)
        is_found = _is_found(found, self.num_proposals)[:, None]
        rois = tf.gather(boxes, chosen)
        return (rois * is_found + rois[:1] * (1 - is_found))[None]


class FusedDetections(DetectBoxes):
    """The detections of one image, as `DetectBoxes` finds them.

    The classes' boxes lie beside each other like tiles, so that one suppression serves them all.
    Padding has the class 0.
    """

    def call(self, rois, probabilities, deltas):
        deltas = deltas[0] * np.array(self.deviations, np.float32)
        boxes = clip_boxes(decode_boxes(deltas, rois[0]), self.height, self.width)
        num_rois, num_classes = probabilities.shape[1], probabilities.shape[2] - 1

        scores = tf.reshape(tf.transpose(probabilities[0, :, 1:]), [num_classes * num_rois])
        classes = np.repeat(np.arange(num_classes, dtype=np.float32), num_rois)
        candidates = tf.tile(boxes, [num_classes, 1])
        tiles = candidates + _tile_corners(classes, self.height, self.width)

        count = self.max_detections
        chosen, found = _select(tiles, scores, count, self.threshold, self.score_threshold)
        is_found = _is_found(found, count)
        return (
            (tf.gather(candidates, chosen) * is_found[:, None])[None],
            (tf.gather(classes, chosen) * is_found)[None],
            (tf.gather(scores, chosen) * is_found)[None],
            tf.reshape(tf.cast(found, tf.float32), [1]),
        )


def fused(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Returns the layer of this module that takes the place of a detector's layer, or the layer."""
    for kind, substitute in ((Proposals, FusedProposals), (DetectBoxes, FusedDetections)):
        if isinstance(layer, kind):
            return substitute.from_config(layer.get_config())
    return layer


def _select(boxes, scores, limit, threshold, min_score):
    """Returns the positions of the boxes that are kept, best first, and how many there are.

    The padding is 0, the position of any box.
    """
    return tf.raw_ops.NonMaxSuppressionV4(
        boxes=boxes,
        scores=scores,
        max_output_size=limit,
        iou_threshold=threshold,
        score_threshold=min_score,
        pad_to_max_output_size=True,
    )


def _is_found(count, limit):
    """Returns 1 for each of the first `count` boxes, and 0 for the padding: `[limit]`."""
    return tf.clip_by_value(tf.cast(count, tf.float32) - np.arange(limit, dtype=np.float32), 0, 1)


def _tile_corners(classes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns the offset of the boxes of each class, `[len(classes), 4]`.

    Tiles in a square instead of a row have smaller coordinates, which float32 rounds less.
    """
    columns = math.ceil(math.sqrt(classes.max() + 1))
    x, y = classes % columns * width, classes // columns * height
    return np.stack([x, y, x, y], axis=1).astype(np.float32)
