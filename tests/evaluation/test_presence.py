import math

import numpy as np
import pytest
from testing import refuses

from tsm_tf.evaluation.presence import SMOOTHING_SECONDS, PresenceDecoder
from tsm_tf.spec import ModelSpec

LABELS = ("walk", "wave", "sit")


def logits(*probabilities):
    values = np.array(probabilities)
    return np.log(values / (1 - values))


def test_all_classes_at_or_above_their_threshold_are_present():
    decoder = PresenceDecoder(LABELS, (0.5, 0.9, 0.2))
    assert decoder.shown == "" and decoder.present == ()
    events = decoder.step(logits(0.5, 0.89, 0.6), 3.0)
    assert [(e.label, e.index, e.seconds) for e in events] == [("walk", 0, 3.0), ("sit", 2, 3.0)]
    assert events[1].probability == pytest.approx(0.6)
    assert decoder.present == ("sit", "walk") and decoder.shown == "sit, walk"
    np.testing.assert_allclose(decoder.probabilities, (0.5, 0.89, 0.6))


def test_a_class_is_an_event_each_time_that_it_appears():
    decoder = PresenceDecoder(LABELS, (0.5, 0.5, 0.5))
    found = [
        [event.label for event in decoder.step(logits(walk, 0.9, 0.1), seconds)]
        for seconds, walk in ((0, 0.1), (10, 0.9), (20, 0.9), (30, 0.1), (40, 0.9))
    ]
    assert found == [["wave"], ["walk"], [], [], ["walk"]]


@pytest.mark.parametrize("fps", [5, 10, 50])
def test_the_mean_follows_time(fps):
    decoder = PresenceDecoder(("a",), (0.5,))
    for i in range(fps + 1):
        decoder.step(logits(0.001 if i == 0 else 0.999), i / fps * SMOOTHING_SECONDS)
    expected = 0.999 + (0.001 - 0.999) * math.exp(-1)
    assert decoder.probabilities[0] == pytest.approx(expected)


def test_frames_that_are_not_finite_are_ignored_and_time_may_step_back():
    decoder = PresenceDecoder(LABELS, (0.5, 0.5, 0.5))
    decoder.step(logits(0.9, 0.1, 0.1), 5.0)
    assert decoder.step(np.array([np.nan, 1, 1]), 5.1) == [] and decoder.shown == "walk"
    assert [e.label for e in decoder.step(logits(0.9, 0.1, 0.1), 1.0)] == ["walk"]
    with refuses("logits", "(3,)", "(2,)"):
        decoder.step(np.zeros(2), 6.0)
    with refuses("seconds", "finite"):
        decoder.step(np.zeros(3), math.inf)


def test_a_models_labels_and_thresholds():
    spec = ModelSpec(num_classes=2, multi_label=True, thresholds=(0.3, 0.8))
    decoder = PresenceDecoder.of(spec)
    decoder.step(logits(0.4, 0.7), 0)
    assert decoder.shown == "0"
    assert PresenceDecoder.of(spec.replace(thresholds=None)).thresholds.tolist() == [0.5, 0.5]
