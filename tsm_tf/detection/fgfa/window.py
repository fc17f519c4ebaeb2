"""FGFA's test: each frame is detected with the features of its neighbours (section 3.4)."""

import collections
import weakref
from collections.abc import Iterable, Iterator

import keras
import numpy as np
from keras import ops

from tsm_tf.detection.fgfa.flow_guided import FlowGuidedAggregation
from tsm_tf.detection.prepare import PrepareClip
from tsm_tf.detection.rfcn import DetectorModel
from tsm_tf.models.graph import calls, replay

_PARTS = ("images", "features", "embeddings")


class WindowDetector:
    """Detects objects frame by frame with the frames up to `window_radius` before and after.

    The features and the embedding of a frame are computed once and kept while its neighbours need
    them. FlowNet runs on all pairs of the window, for each frame again.

    Args:
        model: a detector with the method `"fgfa"`.
    """

    def __init__(self, model: DetectorModel):
        self.radius = model.spec.window_radius
        self.extract = _frame_model(model)
        self.aggregate = _window_model(model)

    def detect(self, frames: Iterable[np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
        """Yields the detections of each frame of a video, `window_radius` frames late.

        The first frame stands for those before it, the last one for those after it.

        Args:
            frames: `uint8 [H, W, 3]`, of the network's input size.

        Yields:
            `"boxes"` `[N, 4]`, `"classes"` `[N]`, `"scores"` `[N]` and `"count"`, as
            `DetectorModel` returns them for a frame.
        """
        window = collections.deque(maxlen=2 * self.radius + 1)
        for frame in frames:
            entry = self.extract.predict_on_batch(np.asarray(frame, np.float32)[None])
            window.extend([entry] * (self.radius + 1) if not window else [entry])
            if len(window) == window.maxlen:
                yield self._detect_middle(window)

        for _ in range(self.radius if window else 0):
            window.append(window[-1])
            if len(window) == window.maxlen:
                yield self._detect_middle(window)

    def _detect_middle(self, window):
        inputs = {name: np.concatenate([entry[name] for entry in window]) for name in _PARTS}
        outputs = self.aggregate.predict_on_batch(inputs)
        return {name: values[0] for name, values in outputs.items()}


_DETECTORS: weakref.WeakKeyDictionary[DetectorModel, WindowDetector] = weakref.WeakKeyDictionary()


def window_detector(model: DetectorModel) -> WindowDetector:
    """Returns the detector of a model; later videos use the same one, which is compiled."""
    if model not in _DETECTORS:
        _DETECTORS[model] = WindowDetector(model)
    return _DETECTORS[model]


def _frame_model(model):
    """Returns the model from a frame in 0..255 to what is kept of it."""
    aggregation = _aggregation_node(model)
    layer = aggregation.operation
    prepared, features = aggregation.input_tensors

    image = keras.Input(model.inputs[0].shape[2:], name="image")
    images = next(x for x in model.layers if isinstance(x, PrepareClip))(image)
    features = replay(keras.Model(prepared, features), images)
    outputs = {"images": images, "features": features, "embeddings": layer.embedding(features)}
    return keras.Model(image, outputs, name="frame")


def _window_model(model):
    """Returns the model from what is kept of a window's frames to the middle one's detections."""
    aggregation = _aggregation_node(model)
    layer, count = aggregation.operation, 2 * model.spec.window_radius + 1
    images, features = (x.shape[1:] for x in aggregation.input_tensors)
    embeddings = (*features[:-1], layer.embedding.output.shape[-1])

    shapes = zip(_PARTS, (images, features, embeddings), strict=True)
    inputs = {name: keras.Input(shape, count, name=name) for name, shape in shapes}
    aggregated = layer.of_window(*(inputs[name] for name in _PARTS))
    outputs = replay(keras.Model(aggregation.outputs[0], model.output), aggregated)
    outputs = {name: ops.squeeze(x, 1) for name, x in outputs.items()}
    return keras.Model(inputs, outputs, name="window")


def _aggregation_node(model):
    return next(node for node in calls(model) if isinstance(node.operation, FlowGuidedAggregation))
