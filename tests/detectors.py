"""A small detector for tests: untrained, but it finds boxes that depend on the picture."""

from weights import with_weights

from tsm_tf.detection.rfcn import build_detector
from tsm_tf.detector_spec import DetectorSpec

SPEC = DetectorSpec(
    backbone="mobilenet_v2",
    num_classes=3,
    labels=("ring", "cross", "ü"),
    num_segments=4,
    input_height=64,
    input_width=96,
    width=0.35,
    detector_channels=32,
    detector_dilation=1,
    anchor_scales=(1, 2),
    num_candidates=60,
    num_proposals=20,
    bins=3,
    max_detections=10,
    score_threshold=0.05,
    fps=5.0,
)
_SHARPNESS = 8  # without it, all classes have about the same score


def small_detector(spec=SPEC):
    """Returns a detector whose scores are between 0 and 1, rather than all about equal."""
    model = with_weights(build_detector(spec))
    kernel = model.get_layer("class_conv").kernel
    kernel.assign(kernel * _SHARPNESS)
    return model
