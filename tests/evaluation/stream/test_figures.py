"""Figures of streams, each computed by hand: `tsm_tf/evaluation/stream/figures.py`."""

import numpy as np
import pytest

from tsm_tf.evaluation.events import Event
from tsm_tf.evaluation.stream.figures import (
    background_seconds,
    compute_figures,
    edit_distance,
    match_events,
)
from tsm_tf.evaluation.stream.joined import Gesture, JoinedStream

FPS = 2.0


def event(index, seconds):
    return Event(str(index), index, seconds, 0.9)


def stream(gestures, seconds):
    labels = np.full(round(seconds * FPS), 2)
    for gesture in gestures:
        labels[round(gesture.start * FPS) : round(gesture.end * FPS)] = gesture.label
    return JoinedStream((), labels, tuple(gestures), FPS)


def logits_of(predicted):
    return np.eye(3)[np.array(predicted)]


def test_edit_distance():
    assert edit_distance([], []) == 0
    assert edit_distance([1, 2, 3], [1, 3]) == 1
    assert edit_distance([1, 2], [2, 1]) == 2
    assert edit_distance([], [1, 2]) == 2


def test_an_event_belongs_to_the_gesture_in_which_it_comes():
    gestures = [Gesture(1, 3, 0), Gesture(3, 5, 1), Gesture(8, 10, 0)]
    events = [event(0, 2.0), event(0, 3.2), event(1, 5.4), event(0, 7.0), event(1, 9.0)]
    found = match_events(events, gestures)
    expected = [gestures[0], None, gestures[1], None, None, gestures[2]]
    assert [match.gesture for match in found] == expected
    # a second event for the same gesture is wrong; so is another class; one before it is an alarm
    assert [match.is_false_alarm for match in found] == [False, False, False, True, False, False]
    assert found[2].delay == pytest.approx(2.4)


def test_an_event_soon_after_the_end_still_counts():
    gestures = [Gesture(1, 3, 0)]
    assert match_events([event(0, 3.4)], gestures)[0].is_correct
    late = match_events([event(0, 3.6)], gestures)[0]
    assert not late.is_correct and late.is_false_alarm


def test_all_figures_of_two_streams():
    first = stream([Gesture(0, 2, 0), Gesture(4, 6, 1)], 10)
    second = stream([Gesture(1, 2, 1)], 6)
    events = [[event(0, 1.0), event(1, 5.5), event(1, 8.0)], []]
    predicted = [
        [0, 0, 0, 0, 2, 2, 2, 2, 0, 0, 1, 0, 2, 2, 2, 2, 1, 2, 2, 2],
        [2, 2, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2],
    ]
    found = compute_figures([first, second], [logits_of(p) for p in predicted], events)
    assert found["event_precision"] == pytest.approx(2 / 3)
    assert found["event_recall"] == pytest.approx(2 / 3)
    assert found["event_f1"] == pytest.approx(2 / 3)
    assert found["levenshtein_accuracy"] == pytest.approx(1 - 2 / 3)  # one too many, one missing
    assert found["background_minutes"] == pytest.approx(11 / 60)
    assert found["false_alarms_per_hour"] == pytest.approx(3600 / 11)
    assert found["delay_median_s"] == pytest.approx(1.25)
    assert found["delay_p90_s"] == pytest.approx(1.45)
    assert found["delay_median_share"] == pytest.approx(0.625)
    assert found["frame_accuracy"] == pytest.approx(27 / 32)
    assert found["late_frame_accuracy"] == pytest.approx(3 / 5)


def test_without_background_or_events_the_figures_are_undefined():
    found = compute_figures([stream([Gesture(0, 2, 0)], 2)], [logits_of([0] * 4)], [[]])
    assert found["false_alarms_per_hour"] is None and found["background_minutes"] is None
    assert found["delay_median_s"] is None and found["event_precision"] is None
    assert found["event_f1"] == 0 and found["frame_accuracy"] == 1


def test_background_is_what_lies_outside_all_gestures():
    """At 2 frames per second, 2.3 s take 5 frames, the last of which is still the gesture's."""
    joined = JoinedStream(
        (), np.array(5 * [0] + 2 * [1]), (Gesture(0, 2.3, 0), Gesture(2.5, 3.2, 1)), FPS
    )
    assert background_seconds(joined) == 0
    found = compute_figures([joined], [logits_of(7 * [0])], [[]])
    assert found["background_minutes"] is None and found["false_alarms_per_hour"] is None

    paused = JoinedStream((), np.array([2, 0, 0, 2, 2]), (Gesture(0.5, 1.2, 0),), FPS)
    assert background_seconds(paused) == 1.5


def test_videos_of_odd_lengths_leave_no_background():
    """However the times are rounded, as `Joiner` adds them up."""
    fps, begin, gestures, count = 8.0, 0.0, [], 0
    for number in range(1, 400):
        duration = number / 29.97 + 0.01
        frames = int(np.ceil(duration * fps - 1e-6))
        gestures.append(Gesture(begin, begin + min(duration, frames / fps), 0))
        begin, count = begin + frames / fps, count + frames
    assert background_seconds(JoinedStream((), np.zeros(count), tuple(gestures), fps)) == 0
