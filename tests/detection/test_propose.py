import keras
import numpy as np
import pytest
from detection_golden import golden, gradient, half_open, tensors
from testing import array

from tsm_tf.detection.anchors import all_anchors, base_anchors
from tsm_tf.detection.propose import Proposals

ANCHORS = all_anchors(5, 6, 16, base_anchors(16, (0.5, 1, 2), (1, 2, 4)))
SIZE = {"height": 80, "width": 96}


def golden_inputs():
    scores = golden()["proposal/cls_prob"][:, 9:].transpose(0, 2, 3, 1).reshape(1, -1)
    deltas = golden()["proposal/deltas"].reshape(1, 9, 4, 5, 6).transpose(0, 3, 4, 1, 2)
    return scores, deltas.reshape(1, -1, 4)


@pytest.mark.parametrize("count", [30, 300])
def test_golden(count):
    layer = Proposals(count, **SIZE, deviations=(1, 1, 1, 1))
    expected = half_open(golden()[f"proposal/rois_top{count}"][:, 1:])
    np.testing.assert_allclose(array(layer(*golden_inputs(), ANCHORS))[0], expected, atol=1e-4)


def test_candidates_and_deviations():
    scores, deltas = golden_inputs()
    few = Proposals(30, **SIZE, num_candidates=3, deviations=(0.5, 0.5, 2, 2), threshold=1.0)
    rois = array(few(scores, deltas / np.float32([0.5, 0.5, 2, 2]), ANCHORS))[0]
    all_of_them = Proposals(3, **SIZE, threshold=1.0, deviations=(1, 1, 1, 1))
    expected = array(all_of_them(scores, deltas, ANCHORS))[0]
    np.testing.assert_allclose(rois, np.tile(expected, (10, 1)), atol=1e-4)


def test_no_gradient_passes():
    scores, deltas = tensors(*golden_inputs())
    layer = Proposals(30, **SIZE)

    def through_deltas(x):
        return keras.ops.sum(layer(scores, x, ANCHORS)) + keras.ops.sum(x)

    np.testing.assert_allclose(gradient(through_deltas, array(deltas)), 1, atol=1e-5)


def test_nan_scores_give_some_region():
    scores, deltas = golden_inputs()
    assert array(Proposals(30, **SIZE)(scores * np.nan, deltas, ANCHORS)).shape == (1, 30, 4)


def test_in_a_saved_model_and_in_half_precision(tmp_path):
    inputs = keras.Input((len(ANCHORS),)), keras.Input((len(ANCHORS), 4))
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = Proposals(300, **SIZE, deviations=(1, 1, 1, 1))
        model = keras.Model(inputs, layer(*inputs, ANCHORS))
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy(policy)

    assert loaded.output.shape == (None, 300, 4) and loaded.output.dtype == "float32"
    twice = [np.concatenate([x, x[:, ::-1]]) for x in golden_inputs()]
    expected = half_open(golden()["proposal/rois_top300"][:, 1:])
    np.testing.assert_allclose(loaded.predict_on_batch(twice)[0], expected, atol=1e-4)
