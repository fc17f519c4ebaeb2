"""Parameters and multiply-adds of networks of clips (tests/golden/NETWORKS.md)."""

import keras
import pytest

from tsm_tf import ModelSpec, build_model
from tsm_tf.analysis.cost import model_cost

CASES = [
    # backbone, frames, pixels, parameters for 400 classes, multiply-adds in G
    ("slowfast_r50_8x8", 32, 224, 34_566_488, 50.3),
    ("slowfast_r50_4x16", 32, 224, 34_480_216, 27.6),
    ("x3d_m", 16, 224, 3_794_274, 4.73),
    ("x3d_m", 16, 256, 3_794_274, 6.18),
    ("ircsn_r152", 32, 224, 29_703_568, 74.0),
    ("ipcsn_r152", 32, 224, 33_016_592, 83.3),
    ("r2plus1d_r50", 32, 224, 46_985_057, 461.3),
    ("r2plus1d_r50", 32, 112, 46_985_057, 115.3),
    ("r2plus1d_r50_pool1", 32, 224, 46_985_057, 119.9),
    ("corrnet_r50", 32, 224, 50_636_576, 244.5),
]


@pytest.mark.slow
@pytest.mark.parametrize("backbone, frames, pixels, parameters, multiply_adds", CASES)
def test_costs_are_the_originals(backbone, frames, pixels, parameters, multiply_adds):
    spec = ModelSpec(backbone, 400, num_segments=frames, input_size=pixels)
    with keras.StatelessScope():  # weights are described, not computed
        cost = model_cost(build_model(spec))
    assert cost.uncounted == []
    assert cost.total("parameters") == parameters
    assert cost.total("multiply_adds") / 1e9 == pytest.approx(multiply_adds, rel=5e-3)
