"""Clip models as `build_model` makes them, trained by plain Keras."""

import sys

import keras
import numpy as np
import pytest
from testing import array, frames, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model

SMALL = ModelSpec(num_classes=5, num_segments=4, input_size=64, width=0.35)


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
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(Clips(), epochs=1, verbose=0).history["loss"]).all()
    assert keras.backend.backend() == "tensorflow" or "tensorflow" not in sys.modules
