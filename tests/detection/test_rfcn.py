"""Also covers `prepare.py`."""

import keras
import numpy as np
import pytest
from detectors import awaken, small_spec
from testing import array, refuses, video_frames

from tsm_tf.detection.prepare import PrepareClip
from tsm_tf.detection.rfcn import RAW, backbone_layers, build_detector
from tsm_tf.layers.temporal_shift import TemporalShift


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return awaken(build_detector(small_spec()))


@pytest.fixture(scope="module")
def clip():
    return video_frames(2, 3, 48, 64, 3)


def test_detections_have_static_shapes(model, clip):
    outputs = {name: array(x) for name, x in model(clip).items()}
    shapes = {name: x.shape for name, x in outputs.items()}
    assert shapes == {
        "boxes": (2, 3, 10, 4),
        "classes": (2, 3, 10),
        "scores": (2, 3, 10),
        "count": (2, 3),
    }
    assert outputs["count"].min() > 1
    for index in np.ndindex(2, 3):
        count = outputs["count"][index]
        boxes, scores = outputs["boxes"][index], outputs["scores"][index]
        assert (np.diff(scores) <= 0).all() and scores[0] > 0
        assert (boxes[:count, 2:] > boxes[:count, :2]).all() and boxes.min() >= 0
        assert boxes[:, 2].max() <= 64 and boxes[:, 3].max() <= 48
        assert (outputs["classes"][index][count:] == -1).all() and not boxes[count:].any()


def test_raw_outputs_are_those_of_the_detector(model, clip):
    raw = model.raw()
    assert set(raw.output) == set(RAW)
    outputs = {name: array(x) for name, x in raw(clip).items()}
    assert outputs["object_logits"].shape == (6, 6 * 8 * 2, 2)
    assert outputs["rois"].shape == (6, 12, 4)
    assert outputs["class_maps"].shape == (6, 6, 8, 2 * 2 * 4)
    assert outputs["box_maps"].shape == (6, 6, 8, 2 * 2 * 4)


def test_a_shift_looks_back_only(model, clip):
    """The first frame's detections do not depend on the second; the second's on the first."""
    other = clip.copy()
    other[:, 1] = 255 - other[:, 1]
    before, after = (array(model(x)["scores"]) for x in (clip, other))
    np.testing.assert_array_equal(before[:, 0], after[:, 0])
    assert np.abs(before[:, 2] - after[:, 2]).max() > 1e-4
    single = build_detector(small_spec(shift_mode="none"))
    single.set_weights(model.get_weights())
    before, after = (array(single(x)["scores"]) for x in (clip, other))
    np.testing.assert_array_equal(before[:, ::2], after[:, ::2])


def test_clips_of_another_length(model, clip):
    longer = model.with_segments(6)
    assert longer.spec.num_segments == 6 and longer.weights[0] is model.weights[0]
    joined = clip.reshape(1, 6, 48, 64, 3)
    found, expected = longer(joined), model(joined[:, :3])
    for name, x in expected.items():
        np.testing.assert_allclose(array(found[name])[:, :3], array(x), rtol=1e-4, atol=1e-4)
    model.raw()  # still works after the layers were called again


def test_frames_are_normalised_as_the_spec_says(clip):
    spec = small_spec(mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1), channel_order="bgr")
    expected = ((clip / 255 - spec.mean) / spec.std)[..., ::-1].reshape(6, 48, 64, 3)
    for by_rows in (True, False):
        found = array(PrepareClip(spec, by_rows)(clip))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert PrepareClip.from_config(PrepareClip(spec).get_config()).spec == spec


def test_a_saved_model_keeps_its_spec(model, clip, tmp_path):
    model.save(tmp_path / "detector.keras")
    loaded = keras.saving.load_model(tmp_path / "detector.keras")
    assert loaded.spec == model.spec
    np.testing.assert_allclose(
        array(loaded(clip)["scores"]), array(model(clip)["scores"]), atol=1e-5
    )


@pytest.mark.parametrize(
    ("backbone", "stride", "shifts"),
    [("resnet18", 16, 8), ("mobilenet_v2", 16, 10), ("keras:MobileNetV3Small", 16, 6)],
)
def test_any_network_of_frames(backbone, stride, shifts):
    spec = small_spec(backbone=backbone, feature_stride=stride, num_segments=2)
    model = build_detector(spec)
    assert sum(isinstance(layer, TemporalShift) for layer in model.layers) == shifts
    assert model.raw().output["class_maps"].shape == (None, 3, 4, 16)
    names = backbone_layers(model)
    assert "shift_00" in names and not {"feat_conv", "class_conv"} & names


def test_a_network_whose_pooling_would_need_dilation_is_refused():
    with refuses("backbone", "no other layer than convolutions"):
        build_detector(small_spec(backbone="keras:VGG16", shift_mode="none"))
