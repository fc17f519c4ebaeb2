"""The event decoder, on streams of a few frames: `tsm_tf/evaluation/events.py`."""

import numpy as np
import pytest
from testing import refuses

from tsm_tf.evaluation.events import EventDecoder, EventStates
from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec

LABELS = ("left", "right", "nothing")
PLAIN = EventRules(
    smoothing_seconds=0,
    open_probability=0.8,
    close_probability=0.3,
    min_seconds=0,
    refractory_seconds=0,
)


def rules(**changes):
    return EventRules(**{**PLAIN.__dict__, **changes})


def logits_of(probabilities):
    return np.log(np.maximum(probabilities, 1e-9)).astype(np.float32)


def left(p):
    return [p, 0.0, 1 - p]


def decode(probabilities, given=PLAIN, background=("nothing",), fps=10):
    decoder = EventDecoder(LABELS, given, background)
    events = [
        event
        for number, row in enumerate(probabilities)
        for event in decoder.step(logits_of(row), number / fps)
    ]
    return [(event.label, round(event.seconds, 3)) for event in events]


def test_a_gesture_is_reported_once():
    assert decode([left(p) for p in (0, 0.5, 0.9, 0.95, 0.85, 0.5, 0.9, 0.1)]) == [("left", 0.2)]


def test_it_can_be_reported_again_after_its_probability_was_low():
    assert decode([left(p) for p in (0.9, 0.2, 0.9)]) == [("left", 0), ("left", 0.2)]
    assert decode([left(p) for p in (0.9, 0.31, 0.9)]) == [("left", 0)]


def test_background_is_never_reported():
    frames = [[0, 0, 1.0]] * 5
    assert decode(frames) == []
    assert decode(frames, background=()) == [("nothing", 0)]


def test_another_gesture_may_follow_at_once():
    frames = [left(0.9), left(0.9), [0.1, 0.9, 0], [0, 1, 0]]
    assert decode(frames) == [("left", 0), ("right", 0.2)]


def test_a_gesture_has_to_last():
    given = rules(min_seconds=0.2)
    assert decode([left(p) for p in (0.9, 0.9, 0.1, 0.9, 0.9, 0.9)], given) == [("left", 0.5)]
    changing = [left(0.9), [0, 0.9, 0.1], left(0.9), [0, 0.9, 0.1]]
    assert decode(changing, given) == []


def test_nothing_is_reported_soon_after_an_event():
    given = rules(refractory_seconds=0.3)
    frames = [left(0.9), [0, 0.9, 0.1], [0, 0.9, 0.1], [0, 0.9, 0.1]]
    assert decode(frames, given) == [("left", 0), ("right", 0.3)]


def test_the_mean_follows_time_and_not_the_number_of_frames():
    """After a time constant, 1 - 1/e of a step is reached, at any rate."""
    for fps in (5, 10, 50):
        decoder = EventDecoder(LABELS, rules(smoothing_seconds=1.0), ("nothing",))
        for number in range(fps + 1):
            decoder.step(logits_of(left(0.0 if number == 0 else 1.0)), number / fps)
        assert decoder.probabilities[0] == pytest.approx(1 - np.exp(-1), abs=1e-6)


def test_an_event_says_how_sure_it_is():
    decoder = EventDecoder(LABELS, PLAIN, ("nothing",))
    (event,) = decoder.step(logits_of([0.1, 0.85, 0.05]), 3.5)
    assert (event.label, event.index, event.seconds) == ("right", 1, 3.5)
    assert event.probability == pytest.approx(0.85)


def test_a_stream_that_starts_again_is_decoded_anew():
    decoder = EventDecoder(LABELS, rules(smoothing_seconds=5.0), ("nothing",))
    assert decoder.step(logits_of(left(0.0)), 100.0) == []
    assert [event.seconds for event in decoder.step(logits_of(left(0.9)), 0.0)] == [0.0]
    decoder.reset()
    assert [event.seconds for event in decoder.step(logits_of(left(0.9)), 50.0)] == [50.0]


def test_the_decoder_of_a_model_has_its_labels_rules_and_background():
    given = rules(open_probability=0.6)
    spec = ModelSpec(num_classes=3, labels=LABELS, background=("nothing",), events=given)
    decoder = EventDecoder.of(spec)
    assert (decoder.labels, decoder.rules) == (LABELS, given)
    steps = [decoder.step(logits_of(row), 0.0) for row in ([0, 0, 1.0], [0.7, 0, 0.3])]
    assert [[event.label for event in events] for events in steps] == [[], ["left"]]
    unnamed = EventDecoder.of(ModelSpec(num_classes=3))
    assert (unnamed.labels, unnamed.rules, unnamed.shown) == (("0", "1", "2"), EventRules(), "")


def test_the_shown_label_is_the_current_event_or_background():
    """At 0.4 the event is still in progress, but another class is more probable."""
    decoder = EventDecoder(("left", "idle", "right", "away"), PLAIN, ("idle", "away"))
    shown, current = [decoder.shown], [decoder.current]
    for number, row in enumerate(
        ([0.7, 0.1, 0.1, 0.1], [0.9, 0, 0, 0.1], [0.4, 0.35, 0, 0.25], [0.4, 0.1, 0, 0.5],
         [0.6, 0.2, 0, 0.2], [0.1, 0.2, 0.1, 0.6], [0, 0, 0.9, 0.1])
    ):  # fmt: skip
        decoder.step(logits_of(row), number / 4)
        shown.append(decoder.shown)
        current.append(decoder.current and (decoder.current.label, decoder.current.seconds))
    assert shown == ["idle", "idle", "left", "left", "away", "left", "away", "right"]
    left = ("left", 0.25)
    assert current == [None, None, left, left, left, left, None, ("right", 1.5)]
    decoder.reset()
    assert (decoder.shown, decoder.current) == ("idle", None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_frame_that_is_not_finite_is_ignored(bad):
    decoder, healthy = (EventDecoder(LABELS, rules(smoothing_seconds=1.0)) for _ in range(2))
    for number in range(10):
        if number == 4:
            before = decoder.probabilities
            assert decoder.step(np.array([0.0, bad, 1.0]), number / 4) == []
            np.testing.assert_array_equal(decoder.probabilities, before)
        else:
            logits = logits_of(left(0.95))
            assert decoder.step(logits, number / 4) == healthy.step(logits, number / 4)
    np.testing.assert_array_equal(decoder.probabilities, healthy.probabilities)


def test_bad_frames_are_refused():
    decoder = EventDecoder(LABELS)
    with refuses("logits", "must be an array of the shape (3,)", "(1, 3)"):
        decoder.step(np.zeros((1, 3)), 0.0)
    with refuses("seconds", "must be finite", "nan"):
        decoder.step(np.zeros(3), float("nan"))


def test_many_decoders_side_by_side_are_single_ones():
    rng = np.random.default_rng(0)
    streams = rng.dirichlet([0.3] * 3, (2, 60))
    tried = [rules(), rules(smoothing_seconds=0.05), rules(min_seconds=0.1, open_probability=0.6)]
    states = EventStates(tried, 2, np.array([False, False, True]))
    found = np.array([states.step(streams[:, t], t / 10) for t in range(60)])
    for r, given in enumerate(tried):
        for s in range(2):
            row = found[:, 2 * r + s]
            times = [(LABELS[row[t]], round(t / 10, 3)) for t in np.flatnonzero(row >= 0)]
            assert times == decode(streams[s], given), (r, s)
    assert (found >= 0).any(axis=0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("smoothing_seconds", -1),
        ("open_probability", 1.5),
        ("open_probability", True),
        ("min_seconds", float("nan")),
        ("refractory_seconds", "1"),
    ],
)
def test_rules_out_of_range_are_refused(name, value):
    with refuses(name, "must be from"):
        rules(**{name: value})


def test_rules_must_close_below_where_they_open():
    with refuses("close_probability", "at most open_probability=0.8", "0.9"):
        rules(close_probability=0.9)
    with refuses("events", "must be an object with"):
        EventRules.from_json_object({"threshold": 1})
    assert EventRules.from_json_object({}) == EventRules()
