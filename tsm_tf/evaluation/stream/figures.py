"""Figures of recognition in streams, from events and the truth. Pure functions in numpy."""

import dataclasses
from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from tsm_tf.evaluation.events import Event
from tsm_tf.evaluation.stream.joined import Gesture, JoinedStream

TOLERANCE = 0.5
"""Seconds after a gesture's end in which its event still counts as correct."""

_EPSILON = 1e-9  # seconds


class EventFigures(TypedDict):
    """Figures of events; None where they are undefined.

    `delay_*` are from the start of a gesture to its event, of correct events only.
    """

    event_precision: float | None
    event_recall: float
    event_f1: float
    levenshtein_accuracy: float
    false_alarms_per_hour: float | None
    background_minutes: float | None
    delay_median_s: float | None
    delay_p90_s: float | None
    delay_median_share: float | None


class Figures(EventFigures):
    """The figures of `stream.json`: those of events, and of the class of single frames.

    `late_frame_accuracy` is that of the second half of each gesture.
    """

    frame_accuracy: float
    late_frame_accuracy: float


@dataclasses.dataclass(frozen=True)
class Match:
    """An event and the gesture that it belongs to; either may be missing.

    Attributes:
        event: what was predicted; None for a missed gesture.
        gesture: what happened; None for an event without a gesture.
        is_false_alarm: whether the event came while nothing happened.
    """

    event: Event | None
    gesture: Gesture | None
    is_false_alarm: bool = False

    @property
    def is_correct(self) -> bool:
        """Whether the gesture was recognised."""
        return self.event is not None and self.gesture is not None

    @property
    def delay(self) -> float:
        """Seconds from the start of the gesture to its event."""
        assert self.event and self.gesture
        return self.event.seconds - self.gesture.start


def match_events(events: Sequence[Event], gestures: Sequence[Gesture]) -> list[Match]:
    """Assigns the events of a stream to its gestures, in order of time.

    An event is correct if a gesture of its class is in progress, or ended at most `TOLERANCE` ago,
    and has no event yet.
    """
    left = list(gestures)
    matches = []
    for event in events:
        current = [g for g in gestures if g.start <= event.seconds < g.end + TOLERANCE]
        own = next((g for g in current if g in left and g.label == event.index), None)
        if own:
            left.remove(own)
        matches.append(Match(event, own, is_false_alarm=not current))
    return matches + [Match(None, gesture) for gesture in left]


def edit_distance(one: Sequence[int], other: Sequence[int]) -> int:
    """Returns the Levenshtein distance of two sequences."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def background_seconds(stream: JoinedStream) -> float:
    """Returns the seconds of a stream in which nothing happens, in whole frames.

    A video's last frame may reach past the video's end. That time is part of the video.
    """
    times = np.arange(len(stream.labels)) / stream.fps
    is_gesture = np.zeros(len(times), bool)
    for gesture in stream.gestures:
        is_gesture |= (times >= gesture.start - _EPSILON) & (times < gesture.end - _EPSILON)
    return np.count_nonzero(~is_gesture) / stream.fps


def compute_figures(
    streams: Sequence[JoinedStream],
    logits: Sequence[np.ndarray],
    events: Sequence[Sequence[Event]],
) -> Figures:
    """Returns the figures of all streams together.

    Args:
        streams: the truth.
        logits: `[n, C]` for each stream.
        events: the events of each stream, in order of time.
    """
    frame, late = _frame_accuracies(streams, logits)
    return {
        "frame_accuracy": frame,
        "late_frame_accuracy": late,
        **event_figures(streams, events),
    }


def event_figures(
    streams: Sequence[JoinedStream], events: Sequence[Sequence[Event]]
) -> EventFigures:
    """Returns the figures of the events of all streams together; see `compute_figures`."""
    matches = [
        match
        for found, stream in zip(events, streams, strict=True)
        for match in match_events(found, stream.gestures)
    ]
    correct = [match for match in matches if match.is_correct]
    num_events = sum(match.event is not None for match in matches)
    num_gestures = sum(len(stream.gestures) for stream in streams)
    alarms = sum(match.is_false_alarm for match in matches)
    edits = sum(
        edit_distance([e.index for e in found], [g.label for g in stream.gestures])
        for found, stream in zip(events, streams, strict=True)
    )
    hours = sum(map(background_seconds, streams)) / 3600
    delays = np.array([match.delay for match in correct])
    shares = [match.delay / match.gesture.seconds for match in correct if match.gesture]
    return {
        "event_precision": len(correct) / num_events if num_events else None,
        "event_recall": len(correct) / num_gestures,
        "event_f1": 2 * len(correct) / (num_events + num_gestures),
        "levenshtein_accuracy": 1 - edits / num_gestures,
        "false_alarms_per_hour": alarms / hours if hours else None,
        "background_minutes": 60 * hours if hours else None,
        "delay_median_s": float(np.median(delays)) if correct else None,
        "delay_p90_s": float(np.quantile(delays, 0.9)) if correct else None,
        "delay_median_share": float(np.median(shares)) if correct else None,
    }


def _frame_accuracies(streams, logits):
    """Returns the accuracy over all frames that have a class, and over late frames of gestures."""
    right, late = [], []
    for stream, rows in zip(streams, logits, strict=True):
        is_right = rows.argmax(axis=1) == stream.labels
        right.append(is_right[stream.labels >= 0])
        times = np.arange(len(rows)) / stream.fps
        for gesture in stream.gestures:
            middle = (gesture.start + gesture.end) / 2
            late.append(is_right[(times >= middle - 1e-6) & (times < gesture.end - 1e-6)])
    return float(np.concatenate(right).mean()), float(np.concatenate(late).mean())
