import functools
import re
import types

import av
import numpy as np
import pytest
from testing import refuses
from videos import encode, moving_square, write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, clip_dataset
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.video_file import VIDEO_FILES, read_frames
from tsm_tf.data.synthetic.render import render
from tsm_tf.data.view_loader import load_views
from tsm_tf.data.views import Views
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.evaluation.predict import predict
from tsm_tf.evaluation.protocols import EFFICIENT, PROTOCOLS, make_protocol
from tsm_tf.evaluation.unfinished import Unfinished
from tsm_tf.evaluation.view_logits import ClipScorer

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


def test_kinetics_accurate_is_the_mean_of_thirty_views_cut_by_hand(tmp_path):
    """On 20 gesture videos; the views are cut from whole decoded videos, one by one."""
    render(tmp_path, {"train": 0, "val": 20}, seed=3)
    listing = Listing(tmp_path)
    spec = ModelSpec(
        num_classes=len(listing.labels),
        labels=listing.labels,
        num_segments=2,
        input_size=32,
        width=0.35,
    )
    model = with_weights(build_model(spec))
    scores = predict(model, listing, "val", PROTOCOLS["kinetics_accurate"], 16)

    large = build_model(spec.replace(input_size=36, crop_pct=1.0))  # 32 of a short side of 36
    large.set_weights(model.get_weights())
    for video, logits in zip(listing.videos("val"), scores.logits, strict=True):
        with av.open(video.path) as container:
            count = sum(1 for _ in container.decode(video=0))
        frames = read_frames(video.path, range(count), 36)
        width = frames.shape[2]
        views = []
        for number in range(10):
            start = max(0, count - 64) * number // 9
            clip = frames[[(start + 32 * segment) % count for segment in range(2)]]
            step = (width - 36) // 4
            views += [clip[:, :, x : x + 36] for x in (0, 4 * step, 2 * step)]
        by_hand = large.predict_on_batch(np.stack(views)).astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(logits, by_hand, atol=1e-5)
    assert scores.protocol == "kinetics_accurate" and scores.spec == spec
    assert np.ptp(scores.logits, axis=0).min() > 1e-3


def test_batches_smaller_and_larger_than_the_views_of_a_video(data, model):
    listing, protocol = Listing(data), make_protocol(Views(3, 3, "dense"))
    one, nine, many = (predict(model, listing, "val", protocol, size) for size in (4, 9, 64))
    np.testing.assert_allclose(nine.logits, one.logits, atol=1e-5)
    np.testing.assert_allclose(many.logits, one.logits, atol=1e-5)
    efficient = predict(model, listing, "val", EFFICIENT, 4)
    assert np.abs(efficient.logits - one.logits).max() > 1e-3


def test_averaged_probabilities(data, model):
    listing, views = Listing(data), Views(2, 1, "twice")
    scores = predict(model, listing, "val", make_protocol(views, softmax=True), 4)
    assert scores.protocol == "twice_2x1_softmax"
    video = listing.videos("val")[5]
    logits = model.predict_on_batch(load_views(video, SPEC, VIDEO_FILES, views))
    np.testing.assert_allclose(softmax(scores.logits[5]), softmax(logits).mean(axis=0), atol=1e-6)


def test_warns_of_mirror_images_of_classes_with_sides(data, model, capsys):
    predict(model, Listing(data), "val", PROTOCOLS["ten_crop"], 10)
    assert "a mirrored 'Swiping Left' shows another class" in capsys.readouterr().err
    predict(model, Listing(data), "val", make_protocol(Views(crops=5)), 10)
    assert "mirror" not in capsys.readouterr().err


def test_shows_how_far_it_is(data, model, capsys):
    predict(model, Listing(data), "val", EFFICIENT, 3)
    *_, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"7 of 7 videos evaluated, \d+\.\d/s", last)


def test_resumes_with_the_same_bits(data, model, tmp_path, monkeypatch, capsys):
    """After an error in the third batch, and once all videos are finished."""
    listing, protocol = Listing(data), make_protocol(Views(2, 3, "twice"))
    part = functools.partial(Unfinished, tmp_path, {"data": str(data)})
    arguments = (model, listing, "val", protocol, 13, "digest")  # two videos per batch
    whole = predict(*arguments).logits

    score, calls = ClipScorer.__call__, []

    def stop_at_the_third(scorer, clips):
        calls.append(len(clips))
        if calls == [12, 12, 12]:
            raise KeyboardInterrupt
        return score(scorer, clips)

    monkeypatch.setattr(ClipScorer, "__call__", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        predict(*arguments, unfinished=part())
    capsys.readouterr()

    resumed = predict(*arguments, unfinished=part())
    assert calls == [12, 12, 12, 12, 6]
    assert "resuming: 4 of 7 videos are evaluated" in capsys.readouterr().out
    np.testing.assert_array_equal(resumed.logits, whole)

    calls.clear()  # as if it had been killed before the report
    again = predict(*arguments, unfinished=part())
    assert not calls
    np.testing.assert_array_equal(again.logits, whole)


def test_views_that_the_model_cannot_take(data):
    spec = SPEC.replace(num_segments=65)
    long = types.SimpleNamespace(spec=spec)
    with refuses("sampling", "64 frames", "num_segments=65"):
        predict(long, Listing(data), "val", PROTOCOLS["kinetics_accurate"], 2)


def test_a_broken_video_is_named(data, model):
    (data / "bad 1.mp4").write_bytes(b"not a video")
    with pytest.raises(BadVideoError, match=r"bad 1\.mp4"):
        predict(model, Listing(data), "bad", EFFICIENT, 2)
