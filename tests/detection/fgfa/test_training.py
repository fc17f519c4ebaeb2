"""FGFA in `tsm_tf.detection.training` and in the pipeline of `tsm_tf.detection.data`."""

import keras
import numpy as np
import pytest
from fgfa import SPEC
from testing import array, frames, refuses, video_frames

from tsm_tf.detection.checkpoint import load_detector, save_detector
from tsm_tf.detection.recipes import get_recipe
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.detection.training.model import DetectorTraining
from tsm_tf.detection.training.start import build_initialised
from tsm_tf.training.settings import Initialization

RECIPE = get_recipe("shapes_fgfa").replace(model=SPEC, anchor_samples=16, hard_regions=4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """FGFA after one step from an R-FCN: the R-FCN, and the weights before and after the step."""
    keras.utils.set_random_seed(2)
    single = build_detector(SPEC.replace(method="rfcn", num_segments=1))
    folder = tmp_path_factory.mktemp("rfcn")
    save_detector(single, folder)
    detector = build_initialised(SPEC, RECIPE, Initialization(init=str(folder)))
    for seed, variable in enumerate(v for v in detector.variables if "flow_Conv" in v.path):
        variable.assign(0.1 * frames(*variable.shape, seed=seed))  # a new network predicts no flow
    before = {v.path: array(v).copy() for v in detector.variables}

    model = DetectorTraining(detector, RECIPE)
    model.compile(keras.optimizers.SGD(10.0), run_eagerly=True)  # faster for one step
    clips = video_frames(2, 3, 48, 64, 3)
    boxes = np.zeros((2, 1, 3, 4), np.float32)
    boxes[:, 0, 0], boxes[:, 0, 1] = (4, 6, 28, 30), (30, 10, 60, 44)
    classes = np.array([[[0, 2, -1]], [[1, 0, -1]]], np.int32)
    loss = model.train_on_batch(clips, {"boxes": boxes, "classes": classes})
    assert np.isfinite(loss).all()
    return single, before, detector


def test_starts_from_a_detector_of_single_frames(trained):
    single, before, _ = trained
    shared = {v.path: array(v) for v in single.variables}
    assert set(shared) < set(before)
    for path, value in shared.items():
        np.testing.assert_array_equal(value, before[path])
    new = {path.split("/")[0] for path in before} - {path.split("/")[0] for path in shared}
    assert {name for name in new if not name.startswith("flow_")} == {
        "em_conv1",
        "em_conv2",
        "em_conv3",
    }


def test_a_step_trains_all_networks_end_to_end(trained):
    _, before, detector = trained
    for variable in detector.trainable_variables:
        assert np.any(array(variable) != before[variable.path]), variable.path


def test_checkpoint_round_trip(trained, tmp_path):
    detector = trained[2]
    save_detector(detector, tmp_path)
    loaded = load_detector(tmp_path)
    assert loaded.spec == SPEC
    for ours, theirs in zip(detector.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(array(ours), array(theirs))


def test_what_fgfa_cannot_be():
    with refuses("shift_mode", "must be none", "unidirectional"):
        SPEC.replace(shift_mode="unidirectional")
    with refuses("num_segments", "must be 3", "8"):
        SPEC.replace(num_segments=8)
    with refuses("method", "must be rfcn to stream", "fgfa"):
        SPEC.check_streamable()
