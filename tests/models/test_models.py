import json
import resource
import shutil
import signal
import sys
import types

import keras
import numpy as np
import pytest
from testing import array, frames, refuses, step, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, build_stream_model, load_checkpoint, save_checkpoint

SMALL = ModelSpec(num_classes=5, num_segments=4, input_size=64, width=0.35)
STREAMED = {
    "mobilenet_v2": (SMALL, 1e-4),
    "resnet18": (SMALL.replace(backbone="resnet18", width=1.0), 1e-5),
    "resnet50": (SMALL.replace(backbone="resnet50", width=1.0, shift_div=4), 1e-5),
    "resnet101": (SMALL.replace(backbone="resnet101", width=1.0, num_segments=2), 1e-5),
    "in place": (SMALL.replace(backbone="resnet18", width=1.0, shift_place="block"), 1e-5),
    "all channels": (SMALL.replace(shift_div=1), 1e-4),
}


@pytest.mark.parametrize("name", STREAMED)
def test_streaming_equals_the_clip(name):
    spec, tolerance = STREAMED[name]
    model = with_weights(build_model(spec, per_frame=True))
    x = video_frames(2, spec.num_segments, 64, 64, 3)  # two streams side by side
    expected = array(model(x, training=False))
    scale = max(
        1.0, np.abs(expected).max()
    )  # 1e5 in deep networks: the last bits depend on the kernels
    assert np.abs(expected - expected[:, :1]).max() > 1e-2 * scale
    stream = build_stream_model(model, batch_size=2)
    for _ in range(2):  # the second time after a reset
        caches = stream.initial_state(2)
        for t in range(spec.num_segments):
            logits, caches = step(stream, x[:, t], caches)
            np.testing.assert_allclose(logits, expected[:, t], rtol=0, atol=tolerance * scale)
            assert list(caches) == [f"shift_{i:02d}" for i in range(len(caches))]


def test_consensus_is_the_mean_of_the_frames():
    per_frame = with_weights(build_model(SMALL, per_frame=True))
    model = build_model(SMALL)
    model.set_weights(per_frame.get_weights())
    x = video_frames(2, 4, 64, 64, 3)
    np.testing.assert_allclose(array(model(x)), array(per_frame(x)).mean(1), atol=1e-6)


def test_normalises_uint8_and_float_alike():
    model = with_weights(build_model(SMALL))
    plain = build_model(SMALL, preprocess=False)
    plain.set_weights(model.get_weights())
    x = video_frames(1, 4, 64, 64, 3)
    normalised = (x / 255 - np.array(SMALL.mean)) / np.array(SMALL.std)
    np.testing.assert_allclose(
        array(model(x)), array(plain(normalised.astype("float32"))), atol=1e-4
    )
    np.testing.assert_allclose(
        model.predict_on_batch(x), model.predict_on_batch(x.astype("float32")), atol=1e-5
    )


@pytest.mark.parametrize("mode", ["bidirectional", "unidirectional", "none"])
def test_shift_changes_what_depends_on_order(mode):
    model = with_weights(build_model(SMALL.replace(shift_mode=mode)))
    x = video_frames(1, 4, 64, 64, 3)
    difference = np.abs(array(model(x)) - array(model(x[:, ::-1].copy()))).max()
    assert difference < 1e-5 if mode == "none" else difference > 1e-2


def test_has_no_more_parameters_than_2d():
    """Section 1: temporal modelling at no parameters."""
    counts = {
        build_model(SMALL.replace(shift_mode=m)).count_params()
        for m in ("bidirectional", "unidirectional", "none")
    }
    assert len(counts) == 1


def test_flow_takes_ten_channels():
    spec = SMALL.replace(backbone="resnet18", width=1.0, modality="flow", mean=None, std=None)
    assert build_model(spec)(frames(1, 4, 64, 64, 10)).shape == (1, 5)


def test_temporal_pool_leaves_half_the_frames():
    spec = SMALL.replace(backbone="resnet18", width=1.0, temporal_pool=True)
    assert build_model(spec, per_frame=True).output.shape == (None, 2, 5)


def test_plain_2d_network_has_no_caches():
    stream = build_stream_model(build_model(SMALL.replace(shift_mode="none")))
    assert list(stream.input) == ["image"] and list(stream.output) == ["logits"]


def test_stream_shares_the_clips_weights():
    model = build_model(SMALL)
    assert {id(v) for v in build_stream_model(model).weights} <= {id(v) for v in model.weights}


def test_refuses_to_stream_what_saw_the_future():
    with refuses("shift_mode", "bidirectional weights use future frames"):
        build_stream_model(build_model(SMALL.replace(shift_mode="bidirectional")))


def test_mixed_precision_trains_with_float32_logits():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build_model(SMALL)
        assert model.output.dtype == "float32"
        assert np.isfinite(array(model(video_frames(1, 4, 64, 64, 3)))).all()
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_five_lines_of_plain_keras():
    model = build_model(SMALL)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    history = model.fit(
        video_frames(4, 4, 64, 64, 3), np.array([0, 1, 2, 3]), batch_size=2, epochs=1, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()


class Clips(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return video_frames(2, 4, 64, 64, 3, seed=index), np.array([index, 3])


def test_trains_from_python():
    model = build_model(SMALL)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(Clips(), epochs=1, verbose=0).history["loss"]).all()
    assert keras.backend.backend() == "tensorflow" or "tensorflow" not in sys.modules


def test_keras_file_keeps_the_logits(tmp_path):
    model = with_weights(build_model(SMALL))
    model.save(tmp_path / "clip.keras")
    x = video_frames(1, 4, 64, 64, 3)
    np.testing.assert_allclose(
        array(keras.saving.load_model(tmp_path / "clip.keras")(x)), array(model(x)), atol=1e-6
    )


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
    with refuses("checkpoint", "must hold the weights"):
        load_checkpoint(tmp_path)
