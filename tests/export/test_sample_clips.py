import numpy as np
from testing import refuses

from export.sample_clips import drawn_patterns, from_gestures, from_videos, in_steps


def test_drawn_patterns_are_distinct(model):
    clips = drawn_patterns(model.spec, 2, 3)
    assert clips.frames.shape == (2, 3, 32, 32, 3) and clips.frames.dtype == np.uint8
    assert len({frame.tobytes() for frame in clips.frames.reshape(6, -1)}) == 6
    assert clips.labels is None and clips.source == "drawn patterns"
    np.testing.assert_array_equal(clips.frames, drawn_patterns(model.spec, 2, 3).frames)


def test_videos_are_spread_over_the_list(model, gestures):
    spec = model.spec.replace(labels=None, num_classes=9)
    clips = from_videos(spec, gestures, "val", 3)
    assert clips.frames.shape == (3, 4, 32, 32, 3) and len(set(clips.labels.tolist())) > 1
    assert clips.source == f"3 videos from val in {gestures}"
    assert len(from_videos(spec, gestures, "val", 100).frames) == 9
    with refuses("data", "the model's classes"):
        from_videos(model.spec, gestures, "val", 3)


def test_gestures_show_every_class_in_turn(model):
    clips = from_gestures(model.spec, 10)
    assert clips.frames.shape == (10, 4, 32, 32, 3) and clips.source == "10 rendered gestures"
    assert len({clip.tobytes() for clip in clips.frames}) == 10


def test_flow_has_no_videos(model):
    flow = model.spec.replace(modality="flow", mean=None, std=None)
    for make in (lambda: from_gestures(flow, 1), lambda: from_videos(flow, "anywhere", "val", 1)):
        with refuses("data", "modality rgb", "flow"):
            make()


def test_clips_in_steps():
    clips = np.arange(10).reshape(2, 5)
    steps = [step.tolist() for step in in_steps(clips, 2)]
    assert steps == [[[0, 5], [1, 6]], [[2, 7], [3, 8]], [[4, 9], [4, 9]]]
    assert [step.tolist() for step in in_steps(clips, 1)][1] == [[1, 6]]
