"""R-FCN on frames of a clip (Dai et al. 2016; TSM's paper, section 6; the form of FGFA's code)."""

from typing import Any

import keras

from tsm_tf.detector_spec import DetectorSpec
from tsm_tf.detection.prepare import PrepareClip

BOXES, CLASSES, SCORES, COUNT = DETECTIONS = ("boxes", "classes", "scores", "count")
"""Outputs of a detector."""

RAW = ("object_logits", "object_deltas", "rois", "class_maps", "box_maps")
"""Layers whose outputs the losses take; see `DetectorModel.raw`."""


@keras.saving.register_keras_serializable(package="tsm_tf")
class DetectorModel(keras.Model):
    """A functional model from clips to detections that knows its spec.

    It maps a clip `[B, T, H, W, 3]` of values in 0..255 to a dict, with N = `max_detections`:

    - `"boxes"` `[B, T, N, 4]`: x1, y1, x2, y2 in half-open pixels of the input
    - `"classes"` `[B, T, N]`: int32, from 0; background has no number
    - `"scores"` `[B, T, N]`: falling
    - `"count"` `[B, T]`: int32; boxes from there on are padding (zeros, with score 0)
    """

    # The constructor is that of a functional model, so Keras can rebuild the model by itself.
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        super().__init__(inputs, outputs, name=name, **kwargs)

    @property
    def spec(self) -> DetectorSpec:
        """What the model was built from."""
        return next(layer.spec for layer in self.layers if isinstance(layer, PrepareClip))

    def raw(self) -> keras.Model:
        """Returns the model from clips to what the losses take, which shares the layers.

        Its outputs, for N = B*T frames with A anchors each (in the order of `all_anchors`):

        - `"object_logits"` `[N, A, 2]`, background first
        - `"object_deltas"` `[N, A, 4]`, divided by their standard deviations
        - `"rois"` `[N, R, 4]`: the proposals, without a gradient
        - `"class_maps"` `[N, h, w, k*k*(C+1)]`, channel `(class * k + row) * k + column`
        - `"box_maps"` `[N, h, w, k*k*4]`
        """
        outputs = {name: self.get_layer(name).output for name in RAW}
        return keras.Model(self.inputs[0], outputs, name="raw")

    def with_segments(self, num_segments: int) -> "DetectorModel":
        """Returns the model for clips of another length, which shares the weights."""
        raise NotImplementedError


def build_detector(spec: DetectorSpec) -> DetectorModel:
    """Builds a detector with fresh weights.

    Raises:
        InputError: the spec's network cannot be built, or has nowhere to shift.
    """
    raise NotImplementedError
