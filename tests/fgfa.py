"""What the tests of FGFA share: its golden numbers, and a small detector."""

import detection_golden
import numpy as np
from detectors import small_spec

SPEC = small_spec(
    labels=None,
    shift_mode="none",
    method="fgfa",
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
