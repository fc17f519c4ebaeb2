"""Tests of `tsm_tf.predict.predictors`, `frames` and `keras_models`."""

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import Video
from tsm_tf.data.view_loader import load_views
from tsm_tf.evaluation.protocols import PROTOCOLS
from tsm_tf.evaluation.view_logits import sized_model
from tsm_tf.evaluation.whole_videos import video_logits
from tsm_tf.predict.frames import StreamFrames
from tsm_tf.predict.keras_models import load_predictor
from tsm_tf.predict.predictors import StreamPredictor, check_stream

SPEC = ModelSpec(num_classes=3, num_segments=2, input_size=32, width=0.35, fps=5.0)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


@pytest.fixture(scope="module")
def listing(tmp_path_factory):
    labels = ("a", "b", "c")
    return Listing(write_data(tmp_path_factory.mktemp("data"), {"val": 3}, labels=labels))


def test_streams_are_those_of_evaluation(model, checkpoint, listing):
    """The mean over the frames, each video from the initial state."""
    videos = listing.videos("val")
    predictor = load_predictor(checkpoint, None, 1)
    for video, frames in zip(videos, video_logits(model, videos, VIDEO_FILES), strict=True):
        found = predictor.predict(video, VIDEO_FILES)
        np.testing.assert_allclose(found.logits, frames.mean(0), atol=1e-5)
        np.testing.assert_allclose(found.steps[1], frames[:2].mean(0), atol=1e-5)
        np.testing.assert_allclose(found.seconds, np.arange(len(frames)) / 5, atol=1e-3)


@pytest.mark.slow
def test_full_resolution(model, checkpoint, listing):
    """Of a model whose input is as large as the short side."""
    protocol = PROTOCOLS["kinetics_accurate"]
    predictor = load_predictor(checkpoint, protocol, 7)
    video = listing.videos("val")[1]
    views = load_views(video, SPEC, VIDEO_FILES, protocol.views)
    assert views.shape == (30, 2, SPEC.short_side, SPEC.short_side, 3)
    large = sized_model(model, protocol.views)
    expected = np.mean([large.predict_on_batch(view[None])[0] for view in views], axis=0)
    found = predictor.predict(video, VIDEO_FILES).logits
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_frames_of_a_stream(tmp_path):
    """At the rate, from the start of a segment to its end, and never the same one twice."""
    frames = moving_square(20, 32, 32)
    path = str(encode(tmp_path / "a.mp4", frames, rate=10))
    for start, end, fps, numbers in (
        (0, None, 5, range(0, 20, 2)),
        (0, None, 10, range(20)),
        (0, None, 24, range(20)),
        (0, None, 0.1, [0]),
        (0.5, 1.0, 5, [5, 7, 9]),
        (1.9, 9.0, 5, [19]),
    ):
        stream = StreamFrames(Video(path, "a", -1, -1, start, end), SPEC, fps, VIDEO_FILES)
        found = list(stream)
        assert stream.count == len(found) == len(numbers)
        np.testing.assert_allclose([time for time, _ in found], np.array(numbers) / 10, atol=1e-3)
        expected = VIDEO_FILES.read(path, list(numbers), SPEC.short_side)[:, 2:34, 2:34]
        np.testing.assert_array_equal([frame for _, frame in found], expected)

    with pytest.raises(BadVideoError, match=r"a segment starts at 2 s, the video ends at 2\.00"):
        StreamFrames(Video(path, "a", -1, -1, 2.0, 3.0), SPEC, 5, VIDEO_FILES)


def test_models_that_cannot_stream():
    offline = SPEC.replace(shift_mode="bidirectional")
    for spec, argument, says in (
        (offline, "shift_mode", "future frames"),
        (SPEC.replace(modality="flow", mean=(), std=()), "modality", "must be rgb"),
    ):
        with refuses(argument, says):
            check_stream(spec)
        with refuses(argument, says):
            StreamPredictor(spec, lambda: np.zeros)


def test_an_offline_checkpoint_is_refused_before_it_is_built(tmp_path, checkpoint):
    (tmp_path / "spec.json").write_text(SPEC.replace(shift_mode="bidirectional").to_json())
    (tmp_path / "model.weights.h5").write_bytes(b"not read")
    with refuses("shift_mode", "future frames"):
        load_predictor(tmp_path, None, 1)
