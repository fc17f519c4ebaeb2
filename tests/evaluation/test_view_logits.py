import keras
import numpy as np
import pytest
import tensorflow as tf
from testing import frames, refuses, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model, retrofit
from tsm_tf.data.epoch_order import Share
from tsm_tf.data.views import Views
from tsm_tf.devices import Devices
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.evaluation.protocols import mean_logits
from tsm_tf.evaluation.view_logits import ClipScorer, sized_model
from tsm_tf.multi_label.sigmoid import sigmoid

SPEC = ModelSpec(num_classes=3, num_segments=2, input_size=32, width=0.35)
FULL = Views(full_resolution=True)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


def test_clips_are_scored_in_batches(model):
    clips = video_frames(7, 2, 32, 32, 3)
    expected = model.predict_on_batch(clips)
    for batch_size in (3, 7, 16):
        np.testing.assert_allclose(ClipScorer(model, batch_size)(clips), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).min() > 1e-3


def test_a_strategy_splits_batches_that_do_not_fit(model):
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        copy = build_model(SPEC)
    copy.set_weights(model.get_weights())
    scorer = ClipScorer(copy, 4, Devices(strategy, Share(replicas=1)))
    clips = video_frames(5, 2, 32, 32, 3)
    np.testing.assert_allclose(scorer(clips), model.predict_on_batch(clips), atol=1e-5)


def test_full_resolution_is_the_network_of_that_size_with_the_same_weights(model):
    full = sized_model(model, FULL)
    assert (full.spec.input_size, full.spec.short_side) == (36, 36)
    rebuilt = build_model(SPEC.replace(input_size=36, crop_pct=1.0))
    rebuilt.set_weights(model.get_weights())
    clips = video_frames(2, 2, 36, 36, 3)
    logits = full.predict_on_batch(clips)
    np.testing.assert_allclose(logits, rebuilt.predict_on_batch(clips), atol=1e-6)
    assert sized_model(model, Views(crops=3)) is model
    assert model.spec == SPEC


def test_networks_that_cannot_change_their_size():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(image)
    x = keras.layers.Conv2D(8, 3, padding="same", name="conv")(x)
    pooled = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x))
    flat = keras.layers.Dense(3)(keras.layers.Flatten()(x))
    free = retrofit(keras.Model(image, pooled), num_segments=2, where=["conv"])
    fixed = retrofit(keras.Model(image, flat), num_segments=2, where=["conv"])

    full = sized_model(free, FULL)
    assert full.predict_on_batch(video_frames(1, 2, 36, 36, 3)).shape == (1, 3)
    with refuses("full_resolution", "must be false", "frames of 32 pixels only"):
        sized_model(fixed, FULL)


def test_the_mean_of_logits():
    logits = frames(4, 30, 5)
    np.testing.assert_allclose(mean_logits(logits), logits.mean(axis=1), atol=1e-6)
    assert mean_logits(logits).dtype == np.float32
    one = logits[:, :1]
    np.testing.assert_array_equal(mean_logits(one), one[:, 0])
    order = np.random.default_rng(0).permutation(30)
    np.testing.assert_array_equal(mean_logits(logits[:, order]), mean_logits(logits))


def test_the_mean_of_probabilities():
    logits = 20 * frames(4, 30, 5)
    fused = mean_logits(logits, softmax=True)
    np.testing.assert_allclose(softmax(fused), softmax(logits).mean(axis=1), atol=1e-6)
    fused = mean_logits(logits, softmax=True, multi_label=True)
    np.testing.assert_allclose(sigmoid(fused), sigmoid(logits).mean(axis=1), atol=1e-6)
    extreme = np.array([[[1e4, -1e4], [1e4, -1e4]]], np.float32)
    assert np.isfinite(mean_logits(extreme, softmax=True, multi_label=True)).all()
