import pytest
from clip_networks import assert_exports, assert_golden, assert_trains

from tsm_tf import ModelSpec, build_model
from tsm_tf.layers.depthwise_clip_conv import DepthwiseClipConv

ENDS = {
    "mean_stem": "maxpool",
    "mean_layer1": "layer1_2",
    "mean_layer2": "layer2_3",
    "mean_layer3": "layer3_5",
    "mean_layer4": "layer4_2",
}


@pytest.mark.parametrize(
    ("key", "backbone"),
    [pytest.param("IRCSN", "ircsn_r50", marks=pytest.mark.slow), ("IPCSN", "ipcsn_r50")],
)
def test_golden(golden_dir, key, backbone):
    assert_golden(golden_dir, key, backbone, ENDS)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["ircsn_r50", "ipcsn_r50"])
def test_trains(backbone, tmp_path):
    spec = ModelSpec(backbone, 3, num_segments=8, input_size=64, width=0.125)
    assert_trains(spec, tmp_path)


def test_strides_round_up():
    model = build_model(ModelSpec("ircsn_r50", num_segments=5, input_size=40, width=0.125))
    assert model.get_layer("layer4_2").output.shape[1:4] == (1, 2, 2)


@pytest.mark.slow
def test_deep_networks_have_the_blocks_of_resnet152():
    model = build_model(ModelSpec("ipcsn_r152", num_segments=2, input_size=32, width=0.125))
    blocks = [layer for layer in model.layers if isinstance(layer, DepthwiseClipConv)]
    assert len(blocks) == 3 + 8 + 36 + 3


@pytest.mark.slow
def test_exports():
    assert_exports(ModelSpec("ipcsn_r50", 3, num_segments=4, input_size=64, width=0.125))
