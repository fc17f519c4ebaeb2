import json

import numpy as np
import pytest
from detectors import awaken, small_spec
from testing import array, refuses, video_frames

import tsm_tf
from tsm_tf.detection.checkpoint import load_detector, load_detector_spec, save_detector
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.weights.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "best"
    model = awaken(build_detector(small_spec()))
    model.get_layer("bn1").trainable = False
    save_detector(model, folder)
    return model, folder


def test_what_is_saved_is_loaded(saved):
    model, folder = saved
    loaded = load_detector(folder.parent)  # that of a training
    assert loaded.spec == model.spec == load_detector_spec(folder)
    clip = video_frames(1, 3, 48, 64, 3)
    np.testing.assert_array_equal(array(loaded(clip)["boxes"]), array(model(clip)["boxes"]))
    assert not loaded.get_layer("bn1").trainable and loaded.get_layer("layer1_0_bn1").trainable


def test_detectors_and_classifiers_refuse_each_other(saved, tmp_path):
    with refuses("spec", "must describe a classifier", "detector"):
        load_checkpoint(saved[1])
    spec = tsm_tf.ModelSpec("resnet_small", num_classes=2, num_segments=1, input_size=32)
    tsm_tf.save_checkpoint(tsm_tf.build_model(spec), tmp_path)
    with refuses("spec", "must describe a detector", "classifier"):
        load_detector(tmp_path)


def test_weights_of_another_detector_are_refused(saved, tmp_path):
    _, folder = saved
    for name in ("spec.json", "model.weights.h5"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    spec = json.loads((tmp_path / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "bins": 1}))
    with refuses("checkpoint", "must hold the weights for its spec.json"):
        load_detector(tmp_path)
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "detector_channels": 4096}))
    with refuses("checkpoint", "must describe at most"):
        load_detector(tmp_path)
