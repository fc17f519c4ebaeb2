"""Class activation maps over time: where and when a clip model sees a class (paper, section 8)."""

import dataclasses
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf

from tsm_tf.errors import InputError
from tsm_tf.layers.consensus import SegmentConsensus
from tsm_tf.models.clip import ClipModel
from tsm_tf.models.graph import calls
from tsm_tf.spec import ModelSpec

CAM, GRAD_CAM, HIRES_CAM = "cam", "grad_cam", "hires_cam"
METHODS = (CAM, GRAD_CAM, HIRES_CAM)
KEPT_SHARE = 0.2
"""Share of the pixels that is foreground (section 8)."""

_MIN_SIDE = 7  # as in the paper, whose maps are 7 x 7
_KEEPS_PLACE = (keras.layers.Dropout, keras.layers.Flatten, keras.layers.Identity)
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
_LARGEST = -1  # instead of the index of a class


@dataclasses.dataclass(frozen=True)
class PooledHead:
    """A classifier on average-pooled features: the only head for which CAM is exact.

    Args:
        features: the feature maps in the model's graph, `[N*T, H, W, C]`.
        classifier: the dense layer after the pooling.
    """

    features: Any
    classifier: keras.layers.Dense


@dataclasses.dataclass(frozen=True, eq=False)
class ClipMaps:
    """What a model sees in a clip.

    Args:
        logits: `float32 [num_classes]`.
        maps: `float32 [T, h, w]`, the contribution of each place to the logit of one class. With
            CAM, their mean is the logit without the classifier's bias.
    """

    logits: np.ndarray
    maps: np.ndarray


class Mapper:
    """Computes class activation maps with a clip model.

    - `"cam"` (Zhou et al., 2016; paper, section 8): the classifier's weights applied to the
      feature maps before pooling. It needs a dense layer on average-pooled features.
    - `"grad_cam"` (Selvaraju et al., 2017): feature maps weighted by the logit's gradient, averaged
      over space and time. It works with any head.
    - `"hires_cam"` (Draelos and Carin, 2020): feature maps times the logit's gradient at each
      place. It also works at layers far from the head. Behind average pooling, all three are equal.

    By default, a pooled head is mapped with CAM and any other head with Grad-CAM, at the last
    feature maps. If these have fewer than 7 rows or columns, HiResCAM is used at the last maps that
    have as many, because Grad-CAM loses the place there.

    Args:
        model: a clip model on RGB frames or flow.
        method: one of `METHODS`; None chooses.
        layer: name of the layer whose output is mapped; None chooses. It must have a spatial
            output that everything after it depends on.

    Attributes:
        method: the method that is used.
        layer: the layer that is used.

    Raises:
        InputError: an unknown method or layer, CAM without a pooled head or at another layer, or a
            network without feature maps of single frames.
    """

    def __init__(self, model: ClipModel, method: str | None = None, layer: str | None = None):
        head = find_pooled_head(model)
        if method not in (None, *METHODS):
            raise InputError("method", f"must be one of {', '.join(METHODS)}", method)
        if method == CAM and head is None:
            rule = "must not be cam for a checkpoint without a dense layer on average-pooled maps"
            raise InputError("method", rule, method)

        self.spec: ModelSpec = model.spec
        maps = map_tensors(model)
        self.method, self.layer = _choose(self.spec.backbone, maps, head, method, layer)
        outputs = {"maps": maps[self.layer], "logits": model.output}
        self._model = keras.Model(model.input, outputs)
        self._classifier = head.classifier if self.method == CAM and head is not None else None
        self._compute = tf.function(self._clip_maps)

    def __call__(self, clip: np.ndarray, class_index: int | None = None) -> ClipMaps:
        """Returns the maps of a clip.

        Args:
            clip: `uint8` or `float32 [T, S, S, C]`, in 0..255.
            class_index: the class; None takes the one with the largest logit.
        """
        index = _LARGEST if class_index is None else class_index
        frames = tf.convert_to_tensor(clip[None], tf.float32)
        logits, maps = self._compute(frames, tf.constant(index))

        repeats = len(clip) // len(maps)  # temporal pooling halves the number of maps
        return ClipMaps(logits.numpy(), np.repeat(maps.numpy(), repeats, axis=0))

    def _clip_maps(self, frames, index):
        with tf.GradientTape() as tape:
            tape.watch(frames)  # records everything, even if all variables are frozen
            outputs = self._model(frames, training=False)
            maps, logits = outputs["maps"], outputs["logits"][0]
            index = tf.where(index == _LARGEST, tf.argmax(logits, output_type=tf.int32), index)
            logit = logits[index]

        maps = tf.cast(maps, tf.float32)
        if self._classifier is not None:
            kernel = tf.convert_to_tensor(self._classifier.kernel)
            return logits, tf.linalg.matvec(maps, tf.cast(kernel[:, index], tf.float32))

        gradient = tf.cast(tape.gradient(logit, outputs["maps"]), tf.float32)
        if self.method == GRAD_CAM:
            gradient = tf.reduce_mean(gradient, axis=(0, 1, 2), keepdims=True)
        # A mean instead of a sum over places, so that the result is that of CAM at a pooled head.
        num_places = tf.cast(tf.reduce_prod(tf.shape(maps)[:3]), tf.float32)
        return logits, num_places * tf.reduce_sum(maps * gradient, axis=-1)


def find_pooled_head(model: ClipModel) -> PooledHead | None:
    """Returns the model's head if it is a dense layer on average-pooled features."""
    producers = {id(x): node for node in calls(model) for x in node.outputs}
    node = producers[id(model.output)]
    if not isinstance(node.operation, SegmentConsensus):
        return None

    node = _skip(producers, node)
    classifier = node.operation if node is not None else None
    if not isinstance(classifier, keras.layers.Dense):
        return None
    if classifier.activation is not keras.activations.linear:
        return None

    node = _skip(producers, node)
    if node is None or not isinstance(node.operation, keras.layers.GlobalAveragePooling2D):
        return None
    return PooledHead(node.input_tensors[0], classifier)


def _skip(producers, node):
    """Returns the call before a call, without those that change neither values nor their order."""
    node = producers.get(id(node.input_tensors[0]))
    while node is not None and isinstance(node.operation, _KEEPS_PLACE):
        node = producers.get(id(node.input_tensors[0]))
    return node


def map_tensors(model: ClipModel) -> dict[str, Any]:
    """Returns the feature maps that the logits depend on through nothing else, by layer.

    Inside a residual block, the identity and the branch each hold a part of the information. So
    only the outputs of blocks, and the layers between blocks, qualify. Padded maps do not, because
    they cover more than the frame.

    Returns:
        Tensors `[N*T, H, W, C]`, in the order of the graph.
    """
    order = calls(model)
    last_use = {id(x): i for i, node in enumerate(order) for x in node.input_tensors}

    found, open_until = {}, 0
    for i, node in enumerate(order):
        is_aligned = not isinstance(node.operation, _PADDING)
        for x in node.outputs:
            is_map = len(x.shape) == 4 and None not in x.shape[1:]
            if is_map and is_aligned and open_until <= i:
                found[node.operation.name] = x
            open_until = max(open_until, last_use.get(id(x), 0))
    return found


def _choose(backbone, maps, head, method, layer):
    """Returns the method and the layer."""
    names = [
        name for name, x in maps.items() if (_side(x) > 1 if head is None else x is head.features)
    ]
    if not names:
        rule = "must have feature maps of single frames; networks of whole clips have none"
        raise InputError("checkpoint", rule, backbone)
    last = names[-1]
    if layer is not None and layer not in maps:
        raise InputError("layer", f"must be one of {', '.join(maps)}", layer)
    if method == CAM and layer not in (None, last):
        raise InputError("layer", f"must be {last} for the method cam", layer)

    if method is None:
        is_last = layer in (None, last) and _side(maps[last]) >= _MIN_SIDE
        method = HIRES_CAM if not is_last else GRAD_CAM if head is None else CAM
    if layer is None:
        fine = [name for name, x in maps.items() if _side(x) >= _MIN_SIDE]
        layer = fine[-1] if method == HIRES_CAM and fine else last
    return method, layer


def _side(x):
    return min(x.shape[1:3])


def resize_maps(maps: np.ndarray, size: int) -> np.ndarray:
    """Returns maps `[T, h, w]` bilinearly resized to `[T, size, size]` (section 8)."""
    return np.stack([cv2.resize(m, (size, size), interpolation=cv2.INTER_LINEAR) for m in maps])


def attention(maps: np.ndarray) -> np.ndarray:
    """Returns what speaks for the class, as shares of the whole clip; zeros if nothing does."""
    positive = np.maximum(maps, 0)
    return positive / max(float(positive.sum()), np.finfo(np.float32).tiny)


def foreground_threshold(maps: np.ndarray, share: float = KEPT_SHARE) -> float:
    """Returns the value above which `share` of the pixels lie (section 8), at least 0.

    Args:
        maps: maps of one clip or of many.
        share: share of the pixels that is foreground.
    """
    return max(0.0, float(np.quantile(maps, 1 - share)))
