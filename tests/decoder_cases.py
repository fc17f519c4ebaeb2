"""Streams for the decoders and clocks of the app and of the page, and what Python makes of them."""

import numpy as np

from tsm_tf.evaluation.events import EventDecoder
from tsm_tf.evaluation.presence import PresenceDecoder
from tsm_tf.event_rules import EventRules

EVENT_CASES = [
    # rules, number of classes, background classes
    (EventRules(), 9, (8,)),
    (EventRules(), 27, (0, 2)),
    (EventRules(0, 0.5, 0.5, 0, 0), 2, ()),
    (EventRules(0, 0, 0, 0, 0), 3, (1,)),
    (EventRules(0.5, 0.6, 0.1, 0.25, 1.0), 9, ()),
    (EventRules(0.125, 0.4, 0.3, 0.375, 0), 5, (0,)),
    (EventRules(60, 0.2, 0.1, 0, 0.25), 4, (3,)),
    (EventRules(0.1, 0.1, 0.05, 0, 0), 3, (0, 1, 2)),
    (EventRules(), 1, ()),
]
THRESHOLDS = [(0.5,) * 9, (0.1, 0.9, 0.0, 1.0, 0.75), (0.6,)]


def peaky_stream(num_classes):
    """Logits of a stream of gestures `float32 [300, num_classes]`, and irregular times of frames.

    The lead of the right class changes slowly, so that probabilities rise and fall through all
    thresholds. The clock starts over at the 200th frame. Some logits are not finite.
    """
    rng = np.random.default_rng(num_classes)
    winners = np.repeat(rng.integers(num_classes, size=60), 5)
    lead = np.repeat(rng.uniform(0, 12, size=100), 3)
    logits = rng.normal(size=(300, num_classes))
    logits[np.arange(300), winners] += lead

    seconds = np.cumsum(
        rng.choice([0, 1 / 30, 0.125, 0.25, 2.0], 300, p=[0.1, 0.3, 0.4, 0.19, 0.01])
    )
    seconds[200:] -= seconds[200]
    logits[100, 0], logits[150:152, -1] = np.nan, np.inf
    return logits.astype(np.float32), seconds


def presence_stream(num_classes):
    """As `peaky_stream`, for models with several classes per video."""
    logits, seconds = peaky_stream(num_classes)
    return logits - 3, seconds


def expected_events(rules, num_classes, background):
    """For each frame of `peaky_stream`: the classes that begin and that are shown; and the means.

    Classes are numbers, in lists of at most one.
    """
    labels = [str(i) for i in range(num_classes)]
    decoder = EventDecoder(labels, rules, [labels[i] for i in background])
    expected, means = [], []
    for row, time in zip(*peaky_stream(num_classes), strict=True):
        begun = [event.index for event in decoder.step(row, time)]
        expected.append([begun, [int(decoder.shown)] if decoder.shown else []])
        means.append(decoder.probabilities)

    count = sum(bool(begun) for begun, _ in expected)
    assert count == 0 if len(background) == num_classes else count > 1
    return expected, means


def expected_presence(thresholds):
    """For each frame of `presence_stream`: the classes that appear and are present; and the means.

    Classes are numbers.
    """
    count = len(thresholds)
    decoder = PresenceDecoder([str(i) for i in range(count)], thresholds)
    expected, means = [], []
    for row, time in zip(*presence_stream(count), strict=True):
        appeared = [event.index for event in decoder.step(row, time)]
        expected.append([appeared, [int(label) for label in decoder.present]])
        means.append(decoder.probabilities)

    assert len({tuple(present) for _, present in expected}) > 1
    assert count == 1 or any(len(present) > 1 for _, present in expected)
    return expected, means


def frame_times():
    """Times of frames in seconds, from 0, with small steps back, a restart and a leap."""
    gaps, shares = [1 / 30, 1 / 30 + 1e-4, 0.1, 0.3], [0.5, 0.4, 0.07, 0.03]
    steps = np.random.default_rng(0).choice(gaps, size=200, p=shares)
    steps[50::50] = -0.05, -5000, 100_000
    seconds = np.cumsum(steps)
    return seconds - seconds[0]
