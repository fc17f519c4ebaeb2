"""I3D: golden numbers, and what it has in common with the 2D network."""

import keras
import numpy as np
import pytest
from official import OfficialCase
from testing import array, frames, refuses
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_official_weights, save_checkpoint
from tsm_tf.networks3d.i3d import VARIANTS
from tsm_tf.weights.official import infer_spec
from tsm_tf.weights.pretrained import initial_weights

CASES = [
    ("I3D333", "i3d_r50_3x3x3"),
    ("I3D311", "i3d_r50_3x1x1"),
    ("I3DNL", "i3d_r50_3x1x1"),
    ("I3DREP", "i3d_r50_replace"),
]
ENDS = {
    "mean_stem": "maxpool",
    "mean_layer1": "layer1_2",
    "mean_layer2": "layer2_3",
    "mean_layer3": "layer3_5",
    "mean_layer4": "layer4_2",
}


@pytest.mark.parametrize(
    ("key", "backbone"),
    [pytest.param(*case, marks=() if case[0] == "I3D311" else pytest.mark.slow) for case in CASES],
)
def test_golden(golden_dir, key, backbone):
    case = OfficialCase(golden_dir, key, "networks")
    state_dict = case.state_dict()
    spec = infer_spec(state_dict, input_size=96)
    assert spec.backbone == backbone
    assert spec.num_segments == case.settings["num_segments"]
    assert spec.non_local == (key == "I3DNL")

    model = build_model(spec, preprocess=False)
    load_official_weights(model, state_dict)
    layers = {layer.name for layer in model.layers}
    outputs = {
        place: model.get_layer(f"{name}_nl" if f"{name}_nl" in layers else name).output
        for place, name in ENDS.items()
    }
    outputs = keras.Model(model.input, {**outputs, "logits": model.output})
    found = outputs(np.moveaxis(case.input, 2, -1), training=False)
    assert set(case.expected) - {"logits64"} == set(found)
    for name, tensor in found.items():
        value = array(tensor)
        value = value.mean((2, 3)) if name.startswith("mean_") else value
        expected = case.expected[name]
        value = value.reshape(expected.shape)
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5, err_msg=name)


def test_is_tsm_if_the_kernels_over_time_shift(golden_dir):
    """A shift is a convolution over time: the network with those kernels is I3D_replace."""
    state_dict = OfficialCase(golden_dir, "A").state_dict()
    spec = infer_spec(state_dict, input_size=64)
    assert (spec.backbone, spec.shift_mode) == ("resnet50", "bidirectional")
    tsm = build_model(spec, preprocess=False)
    load_official_weights(tsm, state_dict)
    replaced = build_model(spec.replace(backbone="i3d_r50_replace"), preprocess=False)
    values = {v.path: array(v) for v in tsm.variables}
    for variable in replaced.variables:
        value = values.get(variable.path)
        if variable.shape[:1] == (3,) and len(variable.shape) == 5:
            variable.assign(shifting_kernel(value))
        elif value is not None:
            variable.assign(value.reshape(variable.shape))

    clips = frames(2, 8, 64, 64, 3)
    expected = array(tsm(clips, training=False))
    found = array(replaced(clips, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def shifting_kernel(kernel):
    """Returns `[3, 1, 1, in, out]`: channels from the next, the previous and the same frame."""
    fold = kernel.shape[2] // 8
    result = np.zeros((3, *kernel.shape), np.float32)
    result[2, :, :, :fold] = kernel[:, :, :fold]
    result[0, :, :, fold : 2 * fold] = kernel[:, :, fold : 2 * fold]
    result[1, :, :, 2 * fold :] = kernel[:, :, 2 * fold :]
    return result


LONG = {
    # frames after which the ends of a still video are out of sight in the middle of the clip
    "i3d_r50_3x3x3": 544,
    "i3d_r50_3x1x1": 272,
    "i3d_r50_3x1x1_full_rate": 40,
    "i3d_r50_heavy": 68,
    "i3d_r50_replace": 40,
}


@pytest.fixture(scope="module")
def image_network(tmp_path_factory):
    """A checkpoint of the 2D network, a still image, and its features."""
    spec = ModelSpec("resnet50", shift_mode="none", num_segments=1, input_size=32, num_classes=3)
    model = with_weights(build_model(spec, preprocess=False))
    folder = tmp_path_factory.mktemp("resnet50")
    save_checkpoint(model, folder)
    image = frames(1, 1, 32, 32, 3)
    features = keras.Model(model.input, model.get_layer("layer4_2").output)
    return folder, image, array(features(image, training=False))


@pytest.mark.parametrize(
    "backbone",
    [pytest.param(b, marks=() if b.endswith("replace") else pytest.mark.slow) for b in LONG],
)
def test_inflated_network_sees_a_still_video_as_the_2d_network_sees_the_image(
    image_network, backbone
):
    folder, image, expected = image_network
    time = LONG[backbone]
    spec = ModelSpec(backbone, num_segments=time, input_size=32, num_classes=3)
    model = build_model(spec, preprocess=False)
    assert initial_weights(model, str(folder)) == []  # the head has the same classes
    features = keras.Model(model.input, model.get_layer("layer4_2").output)
    found = array(features(np.repeat(image, time, axis=1), training=False))

    scale = np.abs(expected).max()
    middle = found[:, found.shape[1] // 2]
    np.testing.assert_allclose(middle, expected, rtol=0, atol=1e-5 * scale)
    assert np.abs(found[:, 0] - expected).max() > 1e-3 * scale  # zeros enter at the ends


def test_what_a_2d_network_lacks_stays_new(image_network):
    spec = ModelSpec("i3d_r50_3x1x1", num_segments=8, input_size=32, num_classes=3, non_local=True)
    new = initial_weights(build_model(spec), str(image_network[0]))
    assert len(new) == 5 * 11 and all("_nl/" in path for path in new)


@pytest.mark.slow
def test_refuses_other_networks_and_widths(tmp_path, image_network):
    spec = ModelSpec("i3d_r50_3x1x1", num_segments=8, input_size=32, num_classes=3)
    narrow = build_model(spec.replace(width=0.125))
    with refuses("init", "conv1/kernel"):
        initial_weights(narrow, str(image_network[0]))
    other = ModelSpec("resnet18", num_segments=1, input_size=32, num_classes=3)
    save_checkpoint(build_model(other), tmp_path)
    with refuses(
        "init", "must hold the weights of i3d_r50_3x1x1 itself, or of resnet50", "resnet18"
    ):
        initial_weights(build_model(spec), str(tmp_path))


@pytest.mark.parametrize(
    ("backbone", "frames_per_clip", "multiple"),
    [("i3d_r50_3x3x3", 8, 16), ("i3d_r50_3x1x1", 12, 8), ("i3d_r50_3x1x1_stride16", 5, 2)],
)
def test_refuses_clips_that_the_strides_do_not_divide(backbone, frames_per_clip, multiple):
    with refuses("num_segments", f"multiple of {multiple} for {backbone}", str(frames_per_clip)):
        ModelSpec(backbone, num_segments=frames_per_clip)


def test_refuses_what_only_networks_of_frames_have():
    spec = ModelSpec("i3d_r50_3x1x1")
    with refuses("shift_mode", "none", "convolutions over time"):
        spec.replace(shift_mode="bidirectional")
    with refuses("backbone", "3D convolutions need whole clips"):
        spec.check_streamable()


@pytest.mark.parametrize(
    "backbone",
    [pytest.param(b, marks=() if b == "i3d_r50_3x1x1" else pytest.mark.slow) for b in VARIANTS],
)
@pytest.mark.slow
def test_trains(backbone, tmp_path):
    spec = ModelSpec(backbone, num_segments=16, input_size=32, num_classes=3, width=0.125)
    model = build_model(spec.replace(non_local=backbone == "i3d_r50_3x1x1"))
    # Most of a non-local block is behind a gamma of zero at first.
    variables = [v for v in model.trainable_variables if "_nl/" not in v.path]
    before = [array(v).copy() for v in variables]
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clips = np.random.default_rng(0).integers(0, 256, (2, 16, 32, 32, 3), dtype=np.uint8)
    model.fit(clips, np.array([0, 2]), verbose=0)
    for variable, value in zip(variables, before, strict=True):
        assert np.any(array(variable) != value), variable.path

    expected = array(model(clips, training=False))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(array(loaded(clips, training=False)), expected, atol=1e-5)
    assert loaded.spec == model.spec
