import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
from testing import array, refuses, video_frames

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint
from tsm_tf.analysis.activation_maps import Mapper
from tsm_tf.catalogue import ARCHITECTURES, OPTIONS, PREPROCESSING, Architecture, find_architecture
from tsm_tf.layers.site import SHIFT, Site


def test_rows_are_consistent():
    for name, row in ARCHITECTURES.items():
        assert row.name == name and row.preprocessing in PREPROCESSING
        assert row.options <= set(OPTIONS)
        assert row.takes in ("frames", "clips")
        assert callable(row.load_builder())


def test_options_are_fields_of_the_spec_with_their_defaults():
    defaults = {field.name: field.default for field in dataclasses.fields(ModelSpec)}
    assert {name: defaults[name] for name in OPTIONS} == OPTIONS


@pytest.mark.parametrize(
    "backbone, name",
    [
        ("resnet50", "resnet50"),
        ("keras", "keras"),
        ("keras:EfficientNetB0", "keras:EfficientNet"),
        ("keras:MobileNetV2", "keras:MobileNet"),
        ("keras:MobileNetV3Small", "keras:MobileNetV3"),
        ("keras:ResNet50V2", "keras:ResNet50V2"),
        ("keras:ResNet50", "keras:ResNet"),
    ],
)
def test_finds_the_closest_row(backbone, name):
    assert find_architecture(backbone).name == name


@pytest.mark.parametrize("backbone", ["vgg", "", "keras:", "keras:Nothing", None, []])
def test_refuses_other_names(backbone):
    with refuses("backbone", "mobilenet_v2", "keras:VGG..."):
        find_architecture(backbone)


def toy_network(frames, spec):
    """Two convolutions and a residual branch, as CONTRIBUTING.md describes."""
    x = keras.layers.Conv2D(16, 3, strides=4, activation="relu", name="stem")(frames)
    branch = Site(SHIFT, name="shift_00")(x)
    branch = keras.layers.Conv2D(16, 3, padding="same", name="branch")(branch)
    x = keras.layers.Add(name="add")([x, branch])
    return {"stage_1": x, "features": x}


def test_a_new_backbone_is_one_row(monkeypatch, tmp_path):
    row = Architecture("toy", f"{__name__}:toy_network")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[toy_network.__module__])
    monkeypatch.setitem(ARCHITECTURES, "toy", row)
    spec = ModelSpec("toy", num_classes=3, num_segments=4, input_size=32)
    model = build_model(spec)
    x = video_frames(2, 4, 32, 32, 3)

    reversed_logits = array(model(x[:, ::-1].copy()))
    assert np.abs(array(model(x)) - reversed_logits).max() > 1e-6  # the order matters: it shifts
    assert list(model.stream().input) == ["image", "shift_00"]
    save_checkpoint(model, tmp_path)
    np.testing.assert_array_equal(array(load_checkpoint(tmp_path)(x)), array(model(x)))
    with refuses("width", "toy has no such option"):
        spec.replace(width=0.5)


def toy_clip_network(clips, spec):
    x = keras.layers.Conv3D(16, 3, strides=(2, 4, 4), activation="relu", name="stem")(clips)
    return {"stage_1": x, "features": x}


def test_a_network_of_clips(monkeypatch, tmp_path):
    row = Architecture(
        "toy3d", f"{__name__}:toy_clip_network", takes="clips", sizes=(32, 64), segment_step=4
    )
    monkeypatch.setitem(sys.modules, __name__, sys.modules[toy_clip_network.__module__])
    monkeypatch.setitem(ARCHITECTURES, "toy3d", row)
    spec = ModelSpec(num_classes=3, num_segments=4, input_size=32).replace(backbone="toy3d")
    assert spec.shift_mode == "none" and spec.replace(backbone="resnet18").shift_mode != "none"

    model = build_model(spec)
    x = video_frames(2, 4, 32, 32, 3)
    assert model.output_shape == (None, 3) and model.receptive_field == 4
    assert np.abs(array(model(x)) - array(model(x[:, ::-1].copy()))).max() > 1e-6
    save_checkpoint(model, tmp_path)
    np.testing.assert_array_equal(array(load_checkpoint(tmp_path)(x)), array(model(x)))

    for name, value, text in (
        ("shift_mode", "bidirectional", "convolutions over time"),
        ("shift_div", 4, "convolutions over time"),
        ("input_size", 96, "from 32 to 64"),
        ("num_segments", 6, "multiple of 4"),
    ):
        with refuses(name, text, repr(value)):
            spec.replace(**{name: value})
    with refuses("backbone", "need whole clips", "toy3d"):
        model.stream()
    with refuses("backbone", "network of frames", "toy3d"):
        model.per_frame()
    with refuses("backbone", "network of frames", "toy3d"):
        build_model(spec, per_frame=True)
    with refuses("checkpoint", "feature maps of single frames", "toy3d"):
        Mapper(model)


def test_reading_the_catalogue_loads_no_framework():
    code = (
        "import sys; from tsm_tf.catalogue import find_architecture; find_architecture('resnet50');"
        "assert not {'keras', 'numpy'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
