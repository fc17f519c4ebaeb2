import keras
import numpy as np
import pytest
from detectors import awaken, small_spec
from testing import array, refuses, video_frames

from tsm_tf.detection.rfcn import build_detector
from tsm_tf.detection.stream import build_detector_stream

FRAMES = video_frames(3, 48, 64, 3)


def detector(**fields):
    keras.utils.set_random_seed(0)
    return awaken(build_detector(small_spec(**fields)))


@pytest.fixture(scope="module")
def online():
    return detector()


def run(stream, frames):
    """Returns the detections of a stream from its start, by name, `[T, ...]`."""
    state, found = stream.initial_state(), []
    for frame in frames:
        image = keras.ops.convert_to_tensor(frame[None].astype("float32"))
        outputs = stream({"image": image, **state}, training=False)
        state = {name: outputs[name] for name in state}
        found.append({name: array(x)[0] for name, x in outputs.items() if name not in state})
    return {name: np.stack([each[name] for each in found]) for name in found[0]}


@pytest.mark.parametrize("mode", ["unidirectional", "none"])
def test_a_stream_finds_what_the_clip_does(mode, online):
    """Coordinates are relative to the frame, whose height and width differ."""
    model = online if mode == "unidirectional" else detector(shift_mode=mode)
    stream = build_detector_stream(model)
    found = run(stream, FRAMES)
    clip = {name: array(x)[0] for name, x in model(FRAMES[None].astype("float32")).items()}

    count = clip["count"]
    assert (count > 1).all() and not np.array_equal(clip["scores"][0], clip["scores"][1])
    np.testing.assert_array_equal(found["count"], count)
    for t in range(len(FRAMES)):
        boxes = found["boxes"][t][:, [1, 0, 3, 2]] * [64, 48, 64, 48]
        np.testing.assert_allclose(boxes, clip["boxes"][t], atol=1e-2)
        np.testing.assert_array_equal(found["classes"][t], np.maximum(clip["classes"][t], 0))
    np.testing.assert_allclose(found["scores"], clip["scores"], atol=1e-4)

    assert stream.spec == model.spec and bool(stream.initial_state()) == (mode != "none")
    assert all(found[name].dtype == np.float32 for name in found)


def test_the_caches_hold_what_the_frame_before_had(online):
    """A second frame finds something else without the first one."""
    stream = build_detector_stream(online)
    found, alone = run(stream, FRAMES[:2]), run(stream, FRAMES[1:2])
    assert not np.allclose(alone["scores"][0], found["scores"][1], atol=1e-3)


def test_a_substitute_takes_the_place_of_a_layer(online):
    class Half(keras.layers.Layer):
        def call(self, x):
            return x / 2

    names = []

    def substitute(layer):
        names.append(layer.name)
        return Half() if layer.name == "feat_relu" else layer

    halved = build_detector_stream(online, substitute=substitute)
    found = run(halved, FRAMES[:1])["scores"]
    assert {"rois", "detections"} <= set(names)
    assert not np.allclose(found, run(build_detector_stream(online), FRAMES[:1])["scores"])


def test_only_what_runs_frame_by_frame():
    with refuses("shift_mode", "must not be bidirectional"):
        build_detector_stream(detector(shift_mode="bidirectional"))
