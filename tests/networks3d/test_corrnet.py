import numpy as np
import pytest
from clip_networks import assert_exports, assert_golden, assert_trains
from official import OfficialCase
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.weights.official import infer_spec

ENDS = {
    "mean_stem": "conv1_2",
    "mean_corr2": "res2_3_correlation",
    "mean_res2": "res2_3",
    "mean_res3": "res3_4",
    "mean_res4": "res4_6",
    "mean_res5": "res5_2",
}


def test_golden(golden_dir):
    assert_golden(golden_dir, "CORR50", "corrnet_r50", ENDS, tolerance=1e-4)


@pytest.mark.slow
def test_trains(tmp_path):
    spec = ModelSpec("corrnet_r50", 3, num_segments=4, input_size=64, width=0.25)
    assert_trains(spec, tmp_path)


def test_refuses_an_odd_number_of_frames():
    with refuses("num_segments", "multiple of 2 for corrnet_r50", "7"):
        ModelSpec("corrnet_r50", num_segments=7)


def test_refuses_another_number_of_frames_than_the_filters_are_for(golden_dir):
    shapes = OfficialCase(golden_dir, "CORR50", "networks").shapes
    weights = {name: np.broadcast_to(np.float32(0), shape) for name, shape in shapes.items()}
    assert infer_spec(weights).num_segments == 8
    with refuses("num_segments", "must be 8", "16"):
        infer_spec(weights, num_segments=16)


@pytest.mark.slow
def test_exports():
    assert_exports(ModelSpec("corrnet_r50", 3, num_segments=4, input_size=64, width=0.25))
