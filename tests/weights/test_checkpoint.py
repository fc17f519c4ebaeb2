import json
import resource
import shutil
import signal
import types

import keras
import numpy as np
import pytest
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_checkpoint, retrofit, save_checkpoint

SMALL = ModelSpec(num_classes=5, num_segments=4, input_size=64, width=0.35)


def test_checkpoint_round_trip(tmp_path):
    spec = SMALL.replace(labels=("a", "b", "c", "d", "ü"))
    model = with_weights(build_model(spec))
    save_checkpoint(build_model(spec), tmp_path / "run" / "best")
    save_checkpoint(model, tmp_path / "run" / "best")
    loaded = load_checkpoint(tmp_path / "run")  # a run's folder stands for its best/
    x = video_frames(1, 4, 64, 64, 3)
    assert loaded.spec == spec
    np.testing.assert_array_equal(array(loaded(x)), array(model(x)))
    assert sorted(p.name for p in (tmp_path / "run" / "best").iterdir()) == [
        "model.weights.h5",
        "spec.json",
    ]


def test_checkpoint_has_no_optimizer(tmp_path):
    model = with_weights(build_model(SMALL))
    save_checkpoint(model, tmp_path / "new")
    model.compile("adam", "mse", run_eagerly=keras.backend.backend() == "tensorflow")
    model.fit(video_frames(1, 4, 64, 64, 3), np.zeros((1, 5)), verbose=0)
    save_checkpoint(model, tmp_path / "trained")
    x = video_frames(1, 4, 64, 64, 3)
    np.testing.assert_array_equal(array(load_checkpoint(tmp_path / "trained")(x)), array(model(x)))
    sizes = [(tmp_path / name / "model.weights.h5").stat().st_size for name in ("new", "trained")]
    assert sizes[0] == sizes[1]


def frozen(model):
    return [layer.name for layer in model.layers if not layer.trainable]


def test_a_checkpoint_keeps_what_is_trainable(tmp_path):
    model = build_model(SMALL)
    save_checkpoint(model, tmp_path / "all")
    assert frozen(load_checkpoint(tmp_path / "all")) == []

    names = ["features_0_0", "features_0_1", "features_3_conv_1"]
    for name in names:
        model.get_layer(name).trainable = False
    save_checkpoint(model, tmp_path / "some")
    loaded = load_checkpoint(tmp_path / "some")
    assert frozen(loaded) == names
    count = len(model.trainable_variables)
    assert len(loaded.trainable_variables) == count < len(build_model(SMALL).trainable_variables)

    loaded.get_layer(names[0]).trainable = True  # and back
    save_checkpoint(loaded, tmp_path / "fewer")
    assert frozen(load_checkpoint(tmp_path / "fewer")) == names[1:]


def test_a_retrofit_can_be_unfrozen(tmp_path):
    """Its description says what was frozen when it was made."""
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, name="stem", trainable=False)(image)
    x = keras.layers.Add()([x, keras.layers.Conv2D(8, 3, padding="same", name="inner")(x)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = retrofit(keras.Model(image, keras.layers.Dense(3)(x)), 2)
    save_checkpoint(model, tmp_path / "frozen")
    assert frozen(load_checkpoint(tmp_path / "frozen")) == ["stem"]
    model.get_layer("stem").trainable = True
    save_checkpoint(model, tmp_path / "trainable")
    assert frozen(load_checkpoint(tmp_path / "trainable")) == []


def test_a_model_is_no_larger_than_its_weights_file(tmp_path):
    """Otherwise a spec of 1 kB could ask for any amount of memory."""
    save_checkpoint(build_model(SMALL), tmp_path)
    text = (tmp_path / "spec.json").read_text()
    (tmp_path / "spec.json").write_text(text.replace('"num_classes": 5', '"num_classes": 90000'))
    with refuses("checkpoint", "weights in all", "(1280, 90000)"):
        load_checkpoint(tmp_path)


def test_odd_files_in_a_checkpoint_are_one_line(tmp_path):
    save_checkpoint(build_model(SMALL), tmp_path)
    for name in ("spec.json", "model.weights.h5"):
        path = tmp_path / name
        content = path.read_bytes()
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
        with refuses("checkpoint", "Git LFS pointer", "git lfs pull", name):
            load_checkpoint(tmp_path)
        path.write_bytes(content)
    (tmp_path / "spec.json").write_bytes(b'{"backbone": "\xe9"}')
    with refuses("checkpoint", "UTF-8"):
        load_checkpoint(tmp_path)


def test_checkpoint_without_room_leaves_the_old_one(tmp_path, monkeypatch):
    model = build_model(SMALL)
    save_checkpoint(model, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1 << 20))
        with pytest.raises(OSError, match=r"no room for [0-9,]+ bytes"):
            save_checkpoint(model, tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))  # HDF5 finds out half-way
        with pytest.raises(OSError):
            save_checkpoint(model, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_checkpoint_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"`checkpoint`.*nowhere"):
        load_checkpoint(tmp_path / "nowhere")
    save_checkpoint(build_model(SMALL), tmp_path)
    spec = json.loads((tmp_path / "spec.json").read_text())
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "num_classes": 6}))
    with refuses("checkpoint", "must hold the weights"):
        load_checkpoint(tmp_path)
    (tmp_path / "model.weights.h5").write_bytes(b"no weights")
    with refuses("checkpoint", "must be an undamaged HDF5 file", "model.weights.h5"):
        load_checkpoint(tmp_path)
