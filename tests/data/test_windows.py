"""Windows of virtual streams: `tsm_tf/data/windows.py`. Every case is small and exact."""

import dataclasses
import math

import numpy as np
import pytest
from testing import refuses

from tsm_tf.data.stream_sampling import StreamSampling
from tsm_tf.data.timeline import NO_CLASS, FrameClasses, Segment, Timeline
from tsm_tf.data.windows import Piece, Videos, frame_weights, plan_window

SAMPLING = StreamSampling(fps=4, window=20, undecided_share=0.3)
BACKGROUND = (2,)
ALWAYS = dataclasses.replace(SAMPLING, pause_probability=1.0, cut_probability=0.0)
NEVER = dataclasses.replace(SAMPLING, pause_probability=0.0, cut_probability=0.0)


def trimmed(label):
    return Timeline(f"/{label}", (Segment(0, math.inf, label),))


def classes(labels, shares):
    return FrameClasses(np.array(labels), np.array(shares, float))


def piece(count, is_pause=False):
    return Piece(0, 0.0, count, 1.0, is_pause)


def test_videos_are_sorted_by_what_happens_in_them():
    untrimmed = Timeline("/u", (Segment(1, 2, 0),))
    found = Videos.of([trimmed(0), trimmed(2), untrimmed, trimmed(1)], BACKGROUND)
    assert found == Videos(gestures=(0, 2, 3), pauses=(1,), untrimmed=frozenset({2}))
    with refuses("data", "must have a video that is not background"):
        Videos.of([trimmed(2)], BACKGROUND)


def test_videos_follow_each_other_from_start_to_end():
    pieces = plan_window(Videos((0,), ()), lambda _: 1.5, NEVER, np.random.default_rng(0))
    assert [(p.start, p.count) for p in pieces] == [(0, 6), (0, 6), (0, 6), (0, 2)]
    assert not any(p.is_pause for p in pieces)
    np.testing.assert_allclose(pieces[0].times(4), [0, 0.25, 0.5, 0.75, 1, 1.25])


def test_pauses_are_parts_of_background_videos():
    rng = np.random.default_rng(0)
    starts, counts = [], []
    for _ in range(200):
        pieces = plan_window(Videos((0,), (1,)), lambda _: 1.5, ALWAYS, rng)
        assert all(p.is_pause and p.video == 1 for p in pieces)
        assert sum(p.count for p in pieces) == 20
        starts.append(pieces[0].start)
        counts.append(pieces[0].count)
    assert min(counts) == 3 and max(counts) == 6  # from above half a second to the whole video
    assert min(starts) < 0.1 and max(starts) > 0.8


def test_a_pause_has_any_number_of_videos():
    sampling = dataclasses.replace(NEVER, pause_probability=0.4, window=200)
    rng, lengths = np.random.default_rng(0), []
    for _ in range(50):
        pieces = plan_window(Videos((0,), (1,)), lambda _: 1.5, sampling, rng)
        lengths.append(0)
        for piece in pieces[:-1]:
            if piece.is_pause:
                lengths[-1] += 1
            else:
                lengths.append(0)
    assert np.mean(lengths) == pytest.approx(0.4 / 0.6, abs=0.1)
    assert np.mean(np.array(lengths) == 0) == pytest.approx(0.6, abs=0.1) and max(lengths) > 3


def test_most_windows_start_within_a_gesture():
    sampling = dataclasses.replace(NEVER, cut_probability=0.7)
    rng = np.random.default_rng(0)
    firsts = [
        plan_window(Videos((0,), ()), lambda _: 2.0, sampling, rng)[0].start for _ in range(500)
    ]
    assert np.mean(np.array(firsts) > 0) == pytest.approx(0.7, abs=0.05)
    assert max(firsts) > 1.8


def test_a_faster_video_has_fewer_frames():
    sampling = dataclasses.replace(NEVER, speed=(2.0, 2.0))
    pieces = plan_window(Videos((0,), ()), lambda _: 3.0, sampling, np.random.default_rng(0))
    assert pieces[0].count == 6
    np.testing.assert_allclose(pieces[0].times(4), [0, 0.5, 1, 1.5, 2, 2.5])


def test_an_untrimmed_video_starts_anywhere_and_fills_the_window():
    videos, rng = Videos((0,), (), frozenset({0})), np.random.default_rng(0)
    starts = []
    for _ in range(100):
        (only,) = plan_window(videos, lambda _: 60.0, NEVER, rng)
        assert only.count == 20 and 0 <= only.start <= 55
        starts.append(only.start)
    assert min(starts) < 5 and max(starts) > 50
    first, *_ = plan_window(videos, lambda _: 2.0, NEVER, rng)  # shorter than the window
    assert (first.start, first.count) == (0, 8)


def test_undecided_frames_of_a_gesture_do_not_count():
    shares = np.arange(8) / 8
    found = frame_weights(piece(8), classes([0] * 8, shares), BACKGROUND, SAMPLING)
    assert found.tolist() == [0, 0, 0, 1, 1, 1, 1, 1] and found.dtype == np.float32


def test_a_first_gesture_without_its_start_does_not_count():
    shares = 0.45 + np.arange(4) / 8
    found = frame_weights(piece(4), classes([0] * 4, shares), BACKGROUND, SAMPLING)
    assert found.tolist() == [0, 0, 0, 0]
    shares = 0.35 + np.arange(4) / 8  # not more than `max_cut`
    found = frame_weights(piece(4), classes([0] * 4, shares), BACKGROUND, SAMPLING)
    assert found.tolist() == [1, 1, 1, 1]


def test_pauses_count_a_little_less_after_their_start():
    found = frame_weights(piece(4, True), classes([2] * 4, [0.5] * 4), BACKGROUND, SAMPLING)
    np.testing.assert_allclose(found, [0, 0.7, 0.7, 0.7])


def test_in_an_untrimmed_video_every_segment_has_its_own_weights():
    labels = [0, 0, 2, 2, 2, 1, 1, 1, 1]
    shares = [0.8, 0.9, 0, 0, 0, 0, 0.25, 0.5, 0.75]
    found = frame_weights(piece(9), classes(labels, shares), BACKGROUND, SAMPLING)
    np.testing.assert_allclose(found, [0, 0, 0, 0.7, 0.7, 0, 0, 1, 1])


def test_frames_without_a_class_do_not_count():
    labels = [NO_CLASS, NO_CLASS, NO_CLASS, 1, 1]
    found = frame_weights(piece(5), classes(labels, [0, 0, 0, 0, 0.5]), (), SAMPLING)
    assert found.tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fps", 0),
        ("window", 0),
        ("pause_probability", 1.5),
        ("undecided_share", -0.1),
        ("speed", (2, 1)),
        ("pause_weight", -1),
    ],
)
def test_values_out_of_range_are_refused(name, value):
    with refuses(name, "must be"):
        StreamSampling(**{name: value})
