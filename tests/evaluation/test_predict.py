import types

import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.evaluation.predict import predict
from tsm_tf.evaluation.protocols import EFFICIENT, Protocol

LABELS = ("Swiping Left", "Ärger", "drum & bass")
SPEC = ModelSpec(num_classes=3, labels=LABELS, num_segments=2, input_size=32, width=0.35)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"val": 7, "bad": 3}, labels=LABELS)


@pytest.fixture(scope="module")
def model():
    return with_weights(build_model(SPEC))


def test_scores_are_the_models_logits_in_list_order(data, model):
    listing = Listing(data)
    scores = predict(model, listing, "val", EFFICIENT, 3, "digest")

    clips, labels = next(iter(clip_dataset(listing, SPEC, "val", 7)))
    np.testing.assert_allclose(scores.logits, model.predict_on_batch(clips), atol=1e-5)
    assert np.ptp(scores.logits, axis=0).min() > 1e-3  # the videos differ
    assert scores.labels.tolist() == labels.numpy().tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert scores.names == tuple(f"val {i}.mp4" for i in range(7))
    assert scores.classes == LABELS
    assert (scores.protocol, scores.checkpoint_digest) == ("efficient", "digest")
    assert scores.spec == SPEC


def test_another_sampling_rate_than_the_models(tmp_path, model):
    """Of a video with a long pause after its first frames."""
    times = [0, 1, 2, 3, 4, 5, 60, 61]
    encode(tmp_path / "a.mp4", moving_square(8), times=times)
    (tmp_path / "val.txt").write_text("a.mp4 -1 0\n")
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    listing = Listing(tmp_path)
    native, again, constant = (
        predict(model, listing, "val", EFFICIENT, 1, sampling_rate=rate)
        for rate in (None, "native", "constant")
    )
    np.testing.assert_array_equal(native.logits, again.logits)
    assert np.abs(native.logits - constant.logits).max() > 1e-3
    assert native.spec == SPEC and constant.spec == SPEC.replace(sampling_rate="constant")


def test_refuses_other_classes(data):
    four = types.SimpleNamespace(spec=SPEC.replace(num_classes=4, labels=None))
    with refuses("data", "4 classes", "Swiping Left"):
        predict(four, Listing(data), "val", EFFICIENT, 2)
    other = types.SimpleNamespace(spec=SPEC.replace(labels=("a", "b", "c")))
    with refuses("data", "'a'", "Swiping Left"):
        predict(other, Listing(data), "val", EFFICIENT, 2)


def test_refuses_protocols_that_it_cannot_follow(data, model):
    for protocol in (Protocol("p", clips=2), Protocol("p", crops=3)):
        with refuses("protocol", "one clip per video"):
            predict(model, Listing(data), "val", protocol, 2)


def test_a_broken_video_is_named(data, model):
    (data / "bad 1.mp4").write_bytes(b"not a video")
    with pytest.raises(BadVideoError, match=r"bad 1\.mp4"):
        predict(model, Listing(data), "bad", EFFICIENT, 2)
