"""Choosing the rules of the event decoder: `tsm_tf/evaluation/stream/fitting.py`."""

import numpy as np

from tsm_tf import ModelSpec
from tsm_tf.evaluation.stream.figures import event_figures
from tsm_tf.evaluation.stream.fitting import (
    candidate_rules,
    decode,
    fit_rules,
    harden_pauses,
)
from tsm_tf.evaluation.stream.joined import Gesture, JoinedStream

SPEC = ModelSpec(num_classes=3, labels=("a", "b", "No gesture"))
FPS = 8.0


def noisy_stream(seed, spikes):
    """Twenty gestures of two seconds with pauses; some pauses have spikes of high probability."""
    rng = np.random.default_rng(seed)
    labels, probabilities, gestures = [], [], []
    for number in range(20):
        label = number % 2
        gestures.append(Gesture(len(labels) / FPS, len(labels) / FPS + 2, label))
        for frame in range(16):
            p = np.clip(0.1 + frame / 10 + rng.normal(0, 0.05), 0.01, 0.97)
            row = np.full(3, (1 - p) / 2)
            row[label] = p
            labels.append(label)
            probabilities.append(row)
        for frame in range(16):
            p = 0.96 if number < spikes and frame == 8 else 0.02
            labels.append(2)
            probabilities.append([p, 0.01, 0.99 - p])
    logits = np.log(np.array(probabilities)).astype(np.float32)
    return JoinedStream((), np.array(labels), tuple(gestures), FPS), logits


def figures_of(stream, logits, rules):
    return event_figures([stream], [decode(logits, FPS, [rules], SPEC)[0]])


def test_without_false_alarms_the_earliest_rules_win():
    stream, logits = noisy_stream(0, spikes=0)
    rules = fit_rules([stream], [logits], SPEC, 6.0)
    found = figures_of(stream, logits, rules)
    assert found["event_f1"] == 1 and found["false_alarms_per_hour"] == 0
    slower = [
        other
        for other in candidate_rules()[::17]
        if figures_of(stream, logits, other)["event_f1"] == 1
    ]
    assert slower and all(
        figures_of(stream, logits, other)["delay_median_s"] >= found["delay_median_s"]
        for other in slower
    )


def test_pauses_are_harder_by_two_nats_than_those_that_were_seen():
    logits = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert harden_pauses(logits, np.array([1, 2]), SPEC).tolist() == [[0, 1, 2], [3, 4, 3]]
    assert logits[1, 2] == 5
    without_background = ModelSpec(num_classes=3)
    np.testing.assert_array_equal(
        harden_pauses(logits, np.array([1, -1]), without_background), logits
    )


def test_rules_bear_a_pause_that_is_slightly_harder_than_the_seen_ones(monkeypatch):
    stream, logits = noisy_stream(0, spikes=0)
    in_pauses = (stream.labels == 2) & (np.arange(len(logits)) % 16 // 4 == 2)
    logits[in_pauses] = np.log([0.4, 0.05, 0.55])
    harder = logits.copy()
    harder[in_pauses] = np.log([0.75, 0.05, 0.2])

    rules = fit_rules([stream], [logits], SPEC, 6.0)
    found = figures_of(stream, harder, rules)
    assert found["false_alarms_per_hour"] == 0 and found["event_recall"] == 1

    monkeypatch.setattr("tsm_tf.evaluation.stream.fitting._MARGIN", 0)
    rules = fit_rules([stream], [logits], SPEC, 6.0)
    assert figures_of(stream, harder, rules)["false_alarms_per_hour"] > 1000


def test_spikes_in_pauses_make_the_rules_slower():
    stream, logits = noisy_stream(0, spikes=10)
    strict = fit_rules([stream], [logits], SPEC, 0.0)
    found = figures_of(stream, logits, strict)
    assert found["false_alarms_per_hour"] == 0 and found["event_f1"] == 1
    assert strict.min_seconds > 0 or strict.smoothing_seconds > 0

    generous = fit_rules(*([x] for x in noisy_stream(0, spikes=1)), SPEC, 1e5)
    assert generous.min_seconds <= strict.min_seconds


def test_where_alarms_cannot_be_avoided_the_fewest_are_taken():
    """Pauses look exactly like gestures."""
    stream, logits = noisy_stream(0, spikes=0)
    reversed_truth = JoinedStream((), stream.labels, stream.gestures[:10], FPS)
    rules = fit_rules([reversed_truth], [logits], SPEC, 0.0)
    assert rules in candidate_rules()


def test_without_background_only_f1_counts():
    stream, logits = noisy_stream(0, spikes=0)
    keep = stream.labels < 2
    gestures = tuple(Gesture(2.0 * i, 2.0 * i + 2, i % 2) for i in range(20))
    joined = JoinedStream((), stream.labels[keep], gestures, FPS)
    rules = fit_rules([joined], [logits[keep]], SPEC, 0.0)
    assert figures_of(joined, logits[keep], rules)["event_f1"] > 0.95
