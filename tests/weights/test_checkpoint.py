import json
import resource
import shutil
import signal
import types

import numpy as np
import pytest
from testing import array, refuses, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint

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
    model.compile("adam", "mse")
    model.fit(video_frames(1, 4, 64, 64, 3), np.zeros((1, 5)), verbose=0)
    save_checkpoint(model, tmp_path / "trained")
    x = video_frames(1, 4, 64, 64, 3)
    np.testing.assert_array_equal(array(load_checkpoint(tmp_path / "trained")(x)), array(model(x)))
    sizes = [(tmp_path / name / "model.weights.h5").stat().st_size for name in ("new", "trained")]
    assert sizes[0] == sizes[1]


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
