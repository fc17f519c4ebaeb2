import pytest
from clip_networks import assert_exports, assert_golden, assert_trains
from testing import frames

from tsm_tf import ModelSpec, build_model

ENDS = {
    "mean_stem": "blocks_0_relu",
    "mean_layer1": "blocks_1_res_blocks_2",
    "mean_layer2": "blocks_2_res_blocks_4",
    "mean_layer3": "blocks_3_res_blocks_10",
    "mean_layer4": "blocks_4_res_blocks_6",
    "mean_head2048": "post_act",
}


def test_golden(golden_dir):
    assert_golden(golden_dir, "X3DM", "x3d_m", ENDS)


@pytest.mark.slow
def test_trains(tmp_path):
    assert_trains(ModelSpec("x3d_s", 3, num_segments=5, input_size=64, width=0.35), tmp_path)


def test_takes_the_clips_of_x3d_s():
    model = build_model(ModelSpec("x3d_s", num_segments=13, input_size=160, width=0.35))
    assert model.get_layer("blocks_4_res_blocks_6").output.shape[1:4] == (13, 5, 5)
    assert model(frames(1, 13, 160, 160, 3) + 128).shape == (1, 27)


@pytest.mark.slow
def test_exports():
    assert_exports(ModelSpec("x3d_s", 3, num_segments=4, input_size=64, width=0.35))
