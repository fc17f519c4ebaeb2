import keras
import numpy as np
import pytest
from fgfa import SPEC
from testing import array, frames, refuses, video_frames

from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detect import detect_video
from tsm_tf.detection.fgfa.flow_guided import FlowGuidedAggregation
from tsm_tf.detection.fgfa.window import window_detector
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.models.graph import calls, replay


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    model = build_detector(SPEC)
    for seed, weight in enumerate(w for w in model.weights if "flow_Convolution" in w.path):
        weight.assign(0.1 * frames(*weight.shape, seed=seed))  # flow that is not near zero
    for seed, weight in enumerate(w for w in model.weights if "class_conv" in w.path):
        weight.assign(frames(*weight.shape, seed=seed))  # distinct scores
    return model


@pytest.fixture(scope="module")
def detector(model):
    return window_detector(model)


def test_a_sample_gives_the_detections_of_its_first_frame(model):
    outputs = model(video_frames(2, 3, 48, 64, 3).astype("float32"))
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        "boxes": (2, 1, 5, 4),
        "classes": (2, 1, 5),
        "scores": (2, 1, 5),
        "count": (2, 1),
    }
    assert model.raw().output["class_maps"].shape == (None, 6, 8, 9 * 4)


def detect_without_cache(model, video, middle):
    """The middle frame's detections, with the whole window computed for it alone."""
    aggregation = next(n for n in calls(model) if isinstance(n.operation, FlowGuidedAggregation))
    layer, (prepared, features) = aggregation.operation, aggregation.input_tensors
    numbers = np.clip(np.arange(middle - 2, middle + 3), 0, len(video) - 1)
    clip = video[numbers].astype("float32")
    triples = np.stack([clip, clip, clip], axis=1)  # each frame as a sample of its own
    images = array(keras.Model(model.inputs[0], prepared)(triples))[::3]
    maps = array(keras.Model(model.inputs[0], features)(triples))[::3]

    aggregated = layer.of_window(images, maps, layer.embedding(maps))
    heads = keras.Model(aggregation.outputs[0], model.output)
    shape = keras.Input(aggregated.shape[1:], 1)
    return keras.Model(shape, replay(heads, shape))(aggregated)


def test_the_window_slides_with_cached_features(model, detector):
    video = video_frames(5, 48, 64, 3)
    found = list(detector.detect(iter(video)))
    assert len(found) == 5
    for middle, frame in enumerate(found):
        expected = detect_without_cache(model, video, middle)
        for name, values in expected.items():
            np.testing.assert_allclose(frame[name], array(values)[0, 0], atol=1e-4)
    scores = np.array([frame["scores"] for frame in found])
    assert np.std(scores, axis=0).min() > 1e-3


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_short_videos_repeat_their_ends(detector, count):
    video = video_frames(3, 48, 64, 3)[:count]
    found = list(detector.detect(video))
    assert len(found) == count
    if count == 1:
        longer = list(detector.detect(video[[0, 0, 0]]))
        np.testing.assert_allclose(found[0]["scores"], longer[1]["scores"], atol=1e-5)


def test_detections_come_as_soon_as_the_window_is_full(detector):
    read = []
    video = video_frames(6, 48, 64, 3)
    detections = detector.detect(read.append(i) or frame for i, frame in enumerate(video))
    next(detections)
    assert read == [0, 1, 2]
    next(detections)
    assert read == [0, 1, 2, 3]


def test_detect_video_gives_boxes_of_the_original_frames(detector, model):
    video = video_frames(4, 96, 100, 3)
    fitted = [fit_frame(frame, (48, 64)) for frame in video]
    found = list(detect_video(model, video))
    for frame, expected in zip(found, detector.detect(f for f, _ in fitted), strict=True):
        count = expected["count"]
        assert len(frame.scores) == count > 0
        np.testing.assert_allclose(frame.scores, expected["scores"][:count], atol=1e-5)
        np.testing.assert_array_equal(frame.classes, expected["classes"][:count])
        np.testing.assert_allclose(frame.boxes * fitted[0][1], expected["boxes"][:count], rtol=1e-5)


def test_another_length_is_refused(model):
    with refuses("num_segments", "must stay 3", "5"):
        model.with_segments(5)
