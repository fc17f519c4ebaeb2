"""What the tests of FGFA share: its golden numbers, and a small detector."""

import detection_golden
import numpy as np

from tsm_tf.detector_spec import DetectorSpec

SPEC = DetectorSpec(
    backbone="resnet_small",
    num_classes=3,
    num_segments=3,
    input_height=48,
    input_width=64,
    shift_mode="none",
    method="fgfa",
    feature_stride=8,
    detector_channels=16,
    detector_dilation=1,
    anchor_scales=(2, 3),
    anchor_ratios=(1,),
    num_proposals=6,
    bins=3,
    max_detections=5,
    score_threshold=0.0,
    flow_channels=2,
    window_radius=2,
)


def golden(name):
    """Returns an array of the golden file with channels last."""
    return np.moveaxis(detection_golden.golden()[f"fgfa/{name}"], -3, -1)
