"""Specs for the Java tests, with what Python reads about events from each.

One JSON object per line: `spec`, a text; `rules`, the five values in the order of `EventRules`, or
null if Python refuses the spec; `background`, the names of the background classes; and
`thresholds`, those of a model for several classes per video, else null.
"""

import dataclasses
import json
from collections.abc import Iterator

from tsm_tf.errors import InputError
from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec

_RULES = tuple(field.name for field in dataclasses.fields(EventRules))
_NAMES = ("No gesture", "left", "Doing other things")
_VALUES = (
    *(-1, -1e-9, 0, 0.25, 1, 1.0000001, 60, 60.5, 10**30, 10**400),
    *(float("nan"), float("inf"), "0.25", "", True, None, [], {}, [0.25]),
)
_EVENTS = (None, {}, [], "", 0, True, [0.2], {"threshold": 0.5}, {"": 0}, {"min_seconds ": 0})
_OPEN_AND_CLOSE = ((0, 0), (0.5, 0.5), (0.5, 0.5000001), (1, 0), (0, 1), (0.25, None))
_BACKGROUND = (
    *(None, [], ["left"], ["No gesture", "left"], ["left", "left"], list(_NAMES)),
    *(["right"], ["Left"], [""], [0], [None], [["left"]], {}, {"left": 1}, "left", 0, False),
)
_THRESHOLDS = (
    *(None, [], [0.5], [0, 1, 1.0], [0.1] * 3, [0.1] * 4, [0.1, 0.2, 1.0000001], [0.1, 0.2, -1e-9]),
    *([0.1, 0.2, None], [0.1, 0.2, "0.3"], [0.1, 0.2, True], [0.1, 0.2, 10**400], {}, 0.5, "0.5"),
)


def spec_lines() -> Iterator[str]:
    """Yields the lines."""
    spec = json.loads(ModelSpec(num_classes=3, labels=_NAMES).to_json())
    for changes in _changes():
        text = json.dumps({**spec, **changes})
        expected = {"spec": text, "rules": None}
        try:
            read = ModelSpec.from_json(text)
            rules = dataclasses.astuple(read.events or EventRules())
            thresholds = read.class_thresholds if read.multi_label else None
            expected.update(rules=rules, background=read.background_labels, thresholds=thresholds)
        except InputError:
            pass
        yield json.dumps(expected)


def _changes():
    for events in _EVENTS:
        yield {"events": events}
    for name in _RULES:
        for value in _VALUES:
            yield {"events": {"open_probability": 1, name: value}}
    for opens, closes in _OPEN_AND_CLOSE:
        yield {"events": {"open_probability": opens, "close_probability": closes}}
    for background in _BACKGROUND:
        yield {"background": background}
        yield {"background": background, "labels": None}
    for multi_label in (True, False, None, 1, "true"):
        yield {"multi_label": multi_label}
        yield {"multi_label": multi_label, "thresholds": [0.5, 0.25, 0.75]}
    for thresholds in _THRESHOLDS:
        yield {"multi_label": True, "thresholds": thresholds}
        yield {"thresholds": thresholds}
    for name, value in (("events", {}), ("background", []), ("background", ["left"])):
        yield {"multi_label": True, name: value}
