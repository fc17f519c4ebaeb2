import numpy as np
import pytest
from clip_networks import assert_exports, assert_golden, assert_trains

from tsm_tf import ModelSpec, build_model
from tsm_tf.networks3d.r2plus1d import middle_channels
from tsm_tf.weights.official import infer_spec

ENDS = {
    "mean_stem": "stem_5",
    "mean_layer1": "layer1_2",
    "mean_layer2": "layer2_3",
    "mean_layer3": "layer3_5",
    "mean_layer4": "layer4_2",
}


def test_golden(golden_dir):
    assert_golden(golden_dir, "R2P1D50", "r2plus1d_r50", ENDS)


@pytest.mark.slow
def test_trains(tmp_path):
    spec = ModelSpec("r2plus1d_r50", 3, num_segments=4, input_size=64, width=0.125)
    assert_trains(spec, tmp_path)


def test_pool_halves_height_and_width():
    spec = ModelSpec("r2plus1d_r50", num_segments=5, input_size=48, width=0.125)
    sizes = [
        build_model(spec.replace(backbone=name)).get_layer("layer4_2").output.shape[1:4]
        for name in ("r2plus1d_r50", "r2plus1d_r50_pool1")
    ]
    assert sizes == [(1, 3, 3), (1, 2, 2)]


def test_middle_channels_keep_the_number_of_weights():
    assert [middle_channels(64 * 2**i) for i in range(4)] == [144, 288, 576, 1152]
    assert middle_channels(1) * (9 + 3) <= 27


def test_a_narrow_network_is_recognised():
    model = build_model(ModelSpec("r2plus1d_r50", width=0.125, num_segments=2, input_size=32))
    assert infer_spec(torch_weights(model)).width == 0.125


def torch_weights(model):
    """Zeros with the names and shapes that PyTorch's weights would have."""
    order = {2: (1, 0), 5: (4, 3, 0, 1, 2)}
    suffixes = {"kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias"}
    weights = {}
    for variable in model.trainable_variables:
        layer, parameter = variable.path.split("/")
        shape = variable.shape
        axes = order.get(len(shape), range(len(shape)))
        name = layer.replace("_", ".").replace("head", "fc")
        weights[f"{name}.{suffixes[parameter]}"] = np.zeros([shape[i] for i in axes], np.float32)
    return weights


@pytest.mark.slow
def test_exports():
    assert_exports(ModelSpec("r2plus1d_r50", 3, num_segments=4, input_size=64, width=0.125))
