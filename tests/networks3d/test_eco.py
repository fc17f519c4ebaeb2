"""ECO-Lite and full ECO: golden numbers, and what they start from."""

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_official_weights, save_checkpoint
from tsm_tf.weights.official import infer_spec
from tsm_tf.weights.pretrained import initial_weights

SMALL = ModelSpec("eco_lite_small", num_classes=3, num_segments=4, input_size=48)


def layer_of(place):
    """Returns the name of the layer after which a place is."""
    if place.startswith("pool"):
        return f"{place}_3x3_s2"
    if place.startswith("res"):
        return f"{place}_relu"
    return f"inception_{place}_relu" if place.endswith("_1") else f"inception_{place}_output"


@pytest.mark.parametrize(
    ("key", "backbone"),
    [("ECOL", "eco_lite"), pytest.param("ECOF", "eco", marks=pytest.mark.slow)],
)
def test_golden(golden_dir, key, backbone):
    case = OfficialCase(golden_dir, key, "networks")
    state_dict = case.state_dict()
    spec = infer_spec(state_dict)
    assert (spec.backbone, spec.num_segments, spec.input_size) == (backbone, 8, 224)
    assert spec.channel_order == "bgr" and spec.std == (1 / 255,) * 3
    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)

    outputs = {"logits": model.output}
    for name in set(case.expected) - {"logits", "logits64", "features"}:
        outputs[name] = model.get_layer(layer_of(name.removeprefix("mean_"))).output
    outputs["features"] = model.get_layer("features" if backbone == "eco" else "avgpool").output
    found = keras.Model(model.input, outputs)(np.moveaxis(case.input, 2, -1), training=False)
    for name, tensor in found.items():
        value, expected = array(tensor), case.expected[name]
        if name.startswith("mean_"):
            value = value.mean(axis=(-3, -2))
        np.testing.assert_allclose(
            value.reshape(expected.shape), expected, rtol=0, atol=5e-4, err_msg=name
        )


@pytest.mark.slow
def test_trains(tmp_path):
    model = build_model(SMALL)
    before = [array(v).copy() for v in model.trainable_variables]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clips = video_frames(2, 4, 48, 48, 3)
    model.fit(clips, np.array([0, 2]), verbose=0)
    still = {
        v.path
        for v, value in zip(model.trainable_variables, before, strict=True)
        if not np.any(array(v) != value)
    }
    assert all(path.endswith("/bias") for path in still)  # a batch norm removes them
    expected = array(model(clips, training=False))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(clips, training=False)), expected, atol=1e-4)


@pytest.mark.slow
def test_starts_from_the_2d_network(tmp_path):
    spec = ModelSpec("bn_inception", num_classes=3, num_segments=1, shift_mode="none")
    source = with_weights(build_model(spec))
    save_checkpoint(source, tmp_path)
    model = build_model(ModelSpec("eco_lite", num_classes=3, num_segments=4))
    new = initial_weights(model, str(tmp_path))
    layers = {path.split("/")[0] for path in new}
    assert {"res3a_2", "res5b_bn", "head"} <= layers
    assert all(layer.startswith(("res3", "res4", "res5", "head")) for layer in layers)

    image, end = video_frames(1, 1, 224, 224, 3), "inception_3c_double_3x3_1_relu"
    expected, found = (
        array(keras.Model(x.input, x.get_layer(end).output)(np.repeat(image, time, 1)))
        for x, time in ((source, 1), (model, 4))
    )
    np.testing.assert_allclose(found, np.repeat(expected, 4, axis=0), rtol=1e-5, atol=1e-5)
    assert all(name.startswith(("res", "head")) for name in layers)
    for name in ("conv1_7x7_s2", "inception_3c_double_3x3_1"):
        expected = source.get_layer(name).get_weights()
        for value, other in zip(model.get_layer(name).get_weights(), expected, strict=True):
            np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize(("backbone", "size"), [("eco_lite", 198), ("eco_lite", 231), ("eco", 222)])
def test_refuses_frames_that_do_not_end_in_the_original_maps(backbone, size):
    with refuses("input_size", f"for {backbone}", str(size)):
        ModelSpec(backbone, num_segments=8, input_size=size)


def test_refuses_other_numbers_of_frames():
    with refuses("num_segments", "multiple of 4 for eco_lite", "6"):
        ModelSpec("eco_lite", num_segments=6)
    with refuses("backbone", "3D convolutions need whole clips"):
        ModelSpec("eco_lite").check_streamable()
