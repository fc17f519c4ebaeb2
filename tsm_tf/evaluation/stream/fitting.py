"""Chooses the rules of the event decoder for a wished number of false alarms."""

import itertools
from collections.abc import Sequence

import numpy as np

from tsm_tf.evaluation.events import Event, EventStates
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.evaluation.stream.figures import EventFigures, event_figures
from tsm_tf.evaluation.stream.joined import JoinedStream
from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec

_SMOOTHING = (0.0, 0.1, 0.2, 0.4)
_OPEN = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
_CLOSE = (0.15, 0.3, 0.45)
_MIN = (0.0, 0.1, 0.2, 0.3, 0.4)
_ENOUGH = 0.003  # a set of rules is as good as the best if its F1 is at most this much lower
_MARGIN = 2.0
"""The rules must bear a pause whose background logits are this much lower.

The pauses of a stream are few videos, shown again and again. One unseen video that is slightly
harder than these would otherwise cause a false alarm each time it appears.
"""


def candidate_rules() -> list[EventRules]:
    """Returns the sets of rules that are tried."""
    grid = itertools.product(_SMOOTHING, _OPEN, _CLOSE, _MIN)
    return [
        EventRules(
            smoothing_seconds=smoothing,
            open_probability=opens,
            close_probability=closes,
            min_seconds=shortest,
        )
        for smoothing, opens, closes, shortest in grid
    ]


def decode(
    logits: np.ndarray,
    fps: float,
    rules: Sequence[EventRules],
    spec: ModelSpec,
) -> list[list[Event]]:
    """Returns the events of one stream for each set of rules.

    Args:
        logits: `[n, num_classes]`, of frames at a fixed rate.
        fps: that rate.
        rules: the sets of rules.
        spec: gives the classes.
    """
    labels = spec.labels or tuple(map(str, range(spec.num_classes)))
    is_background = np.isin(np.arange(spec.num_classes), spec.background_classes)
    states = EventStates(rules, 1, is_background)
    events: list[list[Event]] = [[] for _ in rules]
    for number, row in enumerate(softmax(logits.astype(np.float64))):
        begins = states.step(row[None], number / fps)
        for place in np.flatnonzero(begins >= 0):
            index = int(begins[place])
            probability = float(states.means[place, index])
            events[place].append(Event(labels[index], index, number / fps, probability))
    return events


def fit_rules(
    streams: Sequence[JoinedStream],
    logits: Sequence[np.ndarray],
    spec: ModelSpec,
    false_alarms_per_hour: float,
) -> EventRules:
    """Returns the best rules with at most so many false alarms.

    Pauses are made harder: the logits of the background classes are lowered by `_MARGIN` there.
    Of the sets of rules whose F1 is all but the highest, the one with the shortest delay is taken.
    If none has so few false alarms, those with the fewest compete. Without background, there are
    none.

    Args:
        streams: the truth.
        logits: the model's logits for each stream.
        spec: the model's spec.
        false_alarms_per_hour: per hour of background.
    """
    rules = candidate_rules()
    decoded = [
        decode(harden_pauses(rows, stream.labels, spec), stream.fps, rules, spec)
        for stream, rows in zip(streams, logits, strict=True)
    ]
    figures = [
        event_figures(streams, [events[place] for events in decoded]) for place in range(len(rules))
    ]
    limit = max(false_alarms_per_hour, min(map(_alarms, figures)))
    allowed = [place for place in range(len(rules)) if _alarms(figures[place]) <= limit]
    best = max(figures[place]["event_f1"] for place in allowed)
    good = [place for place in allowed if figures[place]["event_f1"] >= best - _ENOUGH]
    return rules[min(good, key=lambda place: _delay(figures[place]))]


def harden_pauses(logits: np.ndarray, labels: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Returns a stream's logits `[n, num_classes]`, with lower background logits in its pauses.

    Args:
        logits: logits of each frame.
        labels: the true class of each frame.
        spec: gives the background classes.
    """
    background = np.array(spec.background_classes, int)
    harder = logits.copy()
    harder[np.ix_(np.isin(labels, background), background)] -= _MARGIN
    return harder


def _alarms(figures: EventFigures) -> float:
    return figures["false_alarms_per_hour"] or 0.0


def _delay(figures: EventFigures) -> float:
    delay = figures["delay_median_share"]
    return np.inf if delay is None else delay
