"""R-FCN on frames of a clip (Dai et al. 2016; TSM's paper, section 6; the form of FGFA's code)."""

from typing import Any

import keras
import numpy as np

from tsm_tf.catalogue import RGB_CHANNELS, find_architecture
from tsm_tf.detection.anchors import all_anchors, base_anchors
from tsm_tf.detection.detect_boxes import DetectBoxes
from tsm_tf.detection.fgfa.flow_guided import flow_guided_aggregation
from tsm_tf.detection.position_pool import PositionPool
from tsm_tf.detection.prepare import FramesToClips, PrepareClip
from tsm_tf.detection.propose import Proposals
from tsm_tf.detector_spec import FGFA, DetectorSpec
from tsm_tf.errors import InputError
from tsm_tf.layers.site import SHIFT, Site
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.dilation import dilated
from tsm_tf.models.graph import call_again, calls, forget, replay

BOXES, CLASSES, SCORES, COUNT = DETECTIONS = ("boxes", "classes", "scores", "count")
"""Outputs of a detector."""

RAW = ("object_logits", "object_deltas", "rois", "class_maps", "box_maps")
"""Layers whose outputs the losses take; see `DetectorModel.raw`."""

CLASS_LAYERS = frozenset({"class_conv"})
"""Layers whose weights depend on the classes."""

_FEATURES = "feat_conv"


@keras.saving.register_keras_serializable(package="tsm_tf")
class DetectorModel(keras.Model):
    """A functional model from clips to detections that knows its spec.

    It maps a clip `[B, T, H, W, 3]` of values in 0..255 to a dict, with N = `max_detections`:

    - `"boxes"` `[B, T, N, 4]`: x1, y1, x2, y2 in half-open pixels of the input
    - `"classes"` `[B, T, N]`: int32, from 0; background has no number
    - `"scores"` `[B, T, N]`: falling
    - `"count"` `[B, T]`: int32; boxes from there on are padding: zeros, of class -1
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

        Its outputs, for N = B*T frames (FGFA: B) and A anchors in the order of `all_anchors`:

        - `"object_logits"` `[N, A, 2]`, background first
        - `"object_deltas"` `[N, A, 4]`, divided by their standard deviations
        - `"rois"` `[N, R, 4]`: the proposals, without a gradient
        - `"class_maps"` `[N, h, w, k*k*(C+1)]`, channel `(class * k + row) * k + column`
        - `"box_maps"` `[N, h, w, k*k*4]`
        """
        outputs = {
            node.operation.name: node.outputs[0]
            for node in calls(self)
            if node.operation.name in RAW
        }
        return keras.Model(self.inputs[0], outputs, name="raw")

    def with_segments(self, num_segments: int) -> "DetectorModel":
        """Returns the model for clips of another length, which shares the weights.

        Raises:
            InputError: a length that the spec cannot have, or the method is FGFA.
        """
        if self.spec.method == FGFA:
            rule = f"must stay {self.spec.num_segments} for {FGFA}"
            raise InputError("num_segments", rule, num_segments)
        spec = self.spec.replace(num_segments=num_segments)

        def change(node, values):
            layer, changes = node.operation, {}
            if isinstance(layer, PrepareClip):
                changes["spec"] = spec
            elif isinstance(layer, (TemporalShift, FramesToClips)):
                changes["num_segments"] = num_segments
            if not changes:
                return call_again(node, values)
            new_layer = type(layer).from_config({**layer.get_config(), **changes})
            return new_layer(values[id(node.input_tensors[0])])

        clip = clip_input(spec)
        return DetectorModel(clip, replay(self, clip, change), name=self.name)


def build_detector(spec: DetectorSpec) -> DetectorModel:
    """Builds a detector with fresh weights.

    Raises:
        InputError: the spec's network cannot be built, or has nowhere to shift.
    """
    clip = clip_input(spec)
    frames = PrepareClip(spec, name="frames")(clip)
    features = detector_features(spec, backbone_maps(spec, frames))
    if spec.method == FGFA:
        features = flow_guided_aggregation(spec)([frames, features])
    outputs = detections(spec, features)
    clips = {name: FramesToClips(spec.num_detected, name=name)(x) for name, x in outputs.items()}
    return DetectorModel(clip, clips, name=f"{spec.method}_{spec.backbone.rpartition(':')[2]}")


def clip_input(spec: DetectorSpec) -> Any:
    """Returns the input of a detector, `[B, T, H, W, 3]`."""
    shape = (spec.num_segments, spec.input_height, spec.input_width, RGB_CHANNELS)
    return keras.Input(shape, name="image")


def backbone_maps(spec: DetectorSpec, frames: Any) -> Any:
    """Applies the spec's network to normalised frames, with its shifts.

    Args:
        spec: the detector's spec.
        frames: `[N, H, W, 3]`; the frames of a clip are neighbours.

    Returns:
        Feature maps `[N, h, w, C]` with the spec's stride.

    Raises:
        InputError: the network cannot be built, dilated, or has nowhere to shift.
    """
    plain = keras.Input(frames.shape[1:], name="frames")
    outputs = find_architecture(spec.backbone).load_builder()(plain, spec.network_spec())
    features = keras.Model(plain, outputs["features"], name=spec.backbone.rpartition(":")[2])
    dense = dilated(features, spec.feature_stride)
    forget(dense)

    def change(node, values):
        site = node.operation
        if not isinstance(site, Site):
            return call_again(node, values)
        x = values[id(node.input_tensors[0])]
        if site.kind != SHIFT or spec.shift_mode == "none":
            return x
        shift = TemporalShift(spec.num_segments, spec.shift_div, spec.shift_mode, name=site.name)
        return shift(x)

    return replay(dense, frames, change)


def detector_features(spec: DetectorSpec, maps: Any) -> Any:
    """Applies the convolution behind the backbone (`feat_conv_3x3` in FGFA).

    Its kernel starts with a deviation of 0.0104 at the paper's size, where FGFA's code has 0.01.

    Returns:
        `[N, h, w, detector_channels]`; the first half is for proposals, the second for the head.
    """
    x = keras.layers.Conv2D(
        spec.detector_channels,
        3,
        padding="same",
        dilation_rate=spec.detector_dilation,
        kernel_initializer="he_normal",
        name=_FEATURES,
    )(maps)
    return keras.layers.ReLU(name="feat_relu")(x)


def detections(spec: DetectorSpec, features: Any) -> dict[str, Any]:
    """Applies proposals and head to the features of frames.

    Args:
        spec: the detector's spec.
        features: `[N, h, w, detector_channels]`.

    Returns:
        `"boxes"` `[N, D, 4]`, `"classes"` `[N, D]`, `"scores"` `[N, D]` and `"count"` `[N]`; see
        `DetectorModel`.
    """
    half = spec.detector_channels // 2
    for_proposals, for_head = features[..., :half], features[..., half:]

    logits = _conv("object_conv", for_proposals, 2 * spec.num_anchors)
    deltas = _conv("delta_conv", for_proposals, 4 * spec.num_anchors)
    logits = keras.layers.Reshape((-1, 2), name="object_logits", dtype="float32")(logits)
    deltas = keras.layers.Reshape((-1, 4), name="object_deltas", dtype="float32")(deltas)
    rois = Proposals(
        spec.num_proposals,
        spec.input_height,
        spec.input_width,
        spec.proposal_iou,
        spec.num_candidates,
        name="rois",
    )(logits[..., 1] - logits[..., 0], deltas, anchors_of(spec, features))

    bins, pooled = spec.bins**2, []
    for name, channels in (("class", spec.num_classes + 1), ("box", 4)):
        x = _conv(f"{name}_conv", for_head, bins * channels)
        maps = keras.layers.Activation("linear", name=f"{name}_maps", dtype="float32")(x)
        pool = PositionPool(
            spec.bins,
            spec.feature_stride,
            spec.pooling,
            name=f"{name}_pool",
            dtype="float32",
        )
        pooled.append(pool(maps, rois))

    probabilities = keras.layers.Softmax(name="probabilities", dtype="float32")(pooled[0])
    found = DetectBoxes(
        spec.max_detections,
        spec.input_height,
        spec.input_width,
        spec.score_threshold,
        spec.detection_iou,
        name="detections",
    )(rois, probabilities, pooled[1])
    return dict(zip(DETECTIONS, found, strict=True))


def backbone_layers(model: DetectorModel) -> frozenset[str]:
    """Returns the names of the layers before the first convolution of the detector itself."""
    node = next(node for node in calls(model) if node.operation.name == _FEATURES)
    backbone = keras.Model(model.inputs, node.input_tensors[0])
    return frozenset(layer.name for layer in backbone.layers)


def anchors_of(spec: DetectorSpec, maps: Any) -> np.ndarray:
    """Returns the anchors of a frame with maps `[N, h, w, C]`; see `all_anchors`."""
    stride = spec.feature_stride
    base = base_anchors(stride, spec.anchor_ratios, spec.anchor_scales)
    return all_anchors(maps.shape[1], maps.shape[2], stride, base)


def _conv(name: str, x: Any, filters: int) -> Any:
    initializer = keras.initializers.RandomNormal(stddev=0.01)
    return keras.layers.Conv2D(filters, 1, kernel_initializer=initializer, name=name)(x)
