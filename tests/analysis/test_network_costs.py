"""Parameters and multiply-adds of the paper's networks (tests/golden/NETWORKS.md).

The originals were counted at 224 pixels unless a row says otherwise, for one clip.
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
    ("slowfast_r50_8x8", 400, 32, {}, 34_566_488, 50.3),
    ("slowfast_r50_4x16", 400, 32, {}, 34_480_216, 27.6),
    ("slowfast_r50_8x8_mmaction", 400, 32, {}, 34_565_560, 50.3),
    ("slowfast_r50_4x16_mmaction", 400, 32, {}, 34_479_288, 27.6),
    ("x3d_m", 400, 16, {}, 3_794_274, 4.73),
    ("x3d_m", 400, 16, {"input_size": 256}, 3_794_274, 6.18),
    ("ircsn_r152", 400, 32, {}, 29_703_568, 74.0),
    ("ipcsn_r152", 400, 32, {}, 33_016_592, 83.3),
    ("r2plus1d_r50", 400, 32, {}, 46_985_057, 461.3),
    ("r2plus1d_r50", 400, 32, {"input_size": 112}, 46_985_057, 115.3),
    ("r2plus1d_r50_pool1", 400, 32, {}, 46_985_057, 119.9),
    ("corrnet_r50", 400, 32, {}, 50_636_576, 244.5),
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
