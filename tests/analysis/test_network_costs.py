"""Parameters and multiply-adds of the paper's networks (tests/golden/NETWORKS.md).

The originals were counted at 224 pixels, for one clip.
"""

import keras
import pytest

from tsm_tf import ModelSpec, build_model
from tsm_tf.analysis.cost import model_cost

TSM = {"shift_mode": "bidirectional"}
TSN = {"shift_mode": "none"}
TRN = {**TSN, "consensus": "trn_multiscale"}
NON_LOCAL = {"non_local": True}

CASES = [
    # backbone, classes, frames, other fields of the spec, parameters, multiply-adds in G
    ("resnet50", 400, 8, TSM, 24_327_632, 32.7),
    ("resnext101_32x4d", 400, 8, TSM, 42_948_304, 63.8),
    ("resnext50_32x4d", 400, 8, TSM, 23_799_504, 33.8),
    ("bn_inception", 400, 8, TSN, 10_680_240, 16.3),
    ("bn_inception", 174, 8, TSN, 10_448_590, 16.3),
    ("bn_inception", 174, 8, TRN, 13_141_218, 16.3),
    ("resnet50", 174, 8, TRN, 26_641_154, 32.7),
    ("eco", 400, 8, {}, 47_502_128, 32.2),
    ("eco", 400, 16, {}, 47_502_128, 64.4),
    ("eco_lite", 400, 92, {}, 37_503_856, 267.3),
    ("i3d_r50_3x3x3", 400, 16, {}, 47_018_576, 39.8),
    ("i3d_r50_3x1x1", 400, 32, {}, 28_043_472, 33.1),
    ("i3d_r50_3x1x1_full_rate", 400, 32, {}, 28_043_472, 113.6),
    ("i3d_r50_3x1x1_stride16", 400, 32, {}, 28_043_472, 152.5),
    ("i3d_r50_3x1x1", 400, 32, NON_LOCAL, 35_397_840, 44.3),
    ("i3d_r50_3x1x1_full_rate", 400, 32, NON_LOCAL, 35_397_840, 194),
    ("i3d_r50_3x1x1_stride16", 400, 32, NON_LOCAL, 35_397_840, 233.2),
    ("i3d_r50_gcn", 400, 32, NON_LOCAL, 38_927_056, 237.1),
    ("i3d_r50_gcn", 174, 32, NON_LOCAL, 38_695_406, 237.1),
    ("i3d_r50_replace", 400, 8, {}, 32_986_576, 47.7),
]


@pytest.mark.slow
@pytest.mark.parametrize("backbone, classes, frames, fields, parameters, multiply_adds", CASES)
def test_costs_are_the_originals(backbone, classes, frames, fields, parameters, multiply_adds):
    spec = ModelSpec(backbone, num_classes=classes, num_segments=frames, **fields)
    with keras.StatelessScope():  # weights are described, not computed
        model = build_model(spec)
    cost = model_cost(model)
    assert cost.uncounted == []
    assert cost.total("parameters") == parameters
    assert cost.total("multiply_adds") / 1e9 == pytest.approx(multiply_adds, rel=5e-3)
