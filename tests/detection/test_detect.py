import itertools

import keras
import numpy as np
import pytest
from detectors import awaken, small_spec
from testing import array, refuses, video_frames

from tsm_tf.detection.data.fit_frame import fit_frame
from tsm_tf.detection.detect import detect_video
from tsm_tf.detection.rfcn import build_detector

FRAMES = video_frames(6, 48, 64, 3)


def detector(**fields):
    keras.utils.set_random_seed(0)
    return awaken(build_detector(small_spec(**fields)))


@pytest.fixture(scope="module")
def online():
    return detector(num_segments=6)


def assert_same(found, outputs, scale=1.0):
    """Compares detections of frames with the outputs of a clip, `[1, T, ...]`."""
    outputs = {name: array(x)[0] for name, x in outputs.items()}
    assert len(found) == len(outputs["count"])
    for number, (boxes, classes, scores) in enumerate(found):
        count = outputs["count"][number]
        assert len(scores) == count > 1
        expected = outputs["boxes"][number, :count] / scale
        np.testing.assert_allclose(boxes, expected, atol=1e-2)
        np.testing.assert_array_equal(classes, outputs["classes"][number, :count])
        np.testing.assert_allclose(scores, outputs["scores"][number, :count], atol=1e-4)


@pytest.mark.parametrize("frames_per_step", [1, 4])
def test_a_stream_finds_what_the_clip_does(online, frames_per_step):
    """Distinct frames; the last step has fewer than four."""
    for _ in range(2):  # each video starts from zero caches
        found = list(detect_video(online, iter(FRAMES), frames_per_step))
        assert_same(found, online(FRAMES[None]))


def test_boxes_are_those_of_the_original_frame(online):
    """Twice the size, and another aspect: the right quarter of the input is padding."""
    large = np.repeat(np.repeat(FRAMES[:, :, :48], 2, axis=1), 2, axis=2)
    fitted = np.stack([fit_frame(frame, (48, 64))[0] for frame in large])
    assert (fitted[:, :, 48:] == fitted[0, 0, 63]).all()
    found = list(detect_video(online, large))
    assert_same(found, online(fitted[None]), scale=0.5)


def test_windows_of_a_bidirectional_detector():
    model = detector(shift_mode="bidirectional", shift_div=8)
    found = list(detect_video(model, FRAMES[:5]))
    assert_same(found[:3], model(FRAMES[None, :3]))
    rest = model(FRAMES[None, [3, 4, 4]])
    assert_same(found[3:], {name: x[:, :2] for name, x in rest.items()})


def test_frames_are_read_when_they_are_needed(online):
    endless = itertools.cycle(FRAMES)
    assert len(list(itertools.islice(detect_video(online, endless, 2), 5))) == 5
    assert not list(detect_video(online, []))


def test_no_frame_per_step_is_refused(online):
    with refuses("frames_per_step", "at least 1"):
        next(detect_video(online, FRAMES, 0))
