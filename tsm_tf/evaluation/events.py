"""Turns the logits of a stream into events: each gesture once, when it is recognised. Numpy only.

TSM's online model computes logits per frame (section 4.2). An application needs to know when a
gesture happens, once per gesture, and nothing while nothing happens.
"""

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.evaluation.metrics import softmax
from tsm_tf.event_rules import EventRules
from tsm_tf.spec import ModelSpec

_NONE = -1
_EPSILON = 1e-6  # seconds; times such as 0.1 + 0.2 should reach 0.3


@dataclasses.dataclass(frozen=True)
class Event:
    """A gesture that was recognised.

    Attributes:
        label: name of the class.
        index: index of the class.
        seconds: time of the frame at which it was recognised.
        probability: the mean probability of the class at that time.
    """

    label: str
    index: int
    seconds: float
    probability: float


class EventDecoder:
    """Decodes one stream.

    The probabilities (softmax of the logits) are averaged over time with the time constant
    `smoothing_seconds`. A class opens an event when its mean has been at least `open_probability`
    for `min_seconds`, and the event is reported once, at that frame. The class can open another
    event after its mean has been below `close_probability`. After an event, no other one is
    reported for `refractory_seconds`. Background classes open no event.

    Args:
        labels: class names in the order of the logits.
        rules: the rules; None for the defaults.
        background: names of the classes in which nothing happens.

    Example:
        >>> decoder = EventDecoder.of(runner.spec)
        >>> for event in decoder.step(runner.step(frame), seconds):
        ...     print(event.label, event.seconds)
    """

    def __init__(
        self,
        labels: Sequence[str],
        rules: EventRules | None = None,
        background: Collection[str] = (),
    ):
        self.labels = tuple(labels)
        self.rules = rules or EventRules()
        is_background = np.array([label in background for label in self.labels])
        self._states = EventStates([self.rules], 1, is_background)
        self._event: Event | None = None  # the last one

    @classmethod
    def of(cls, spec: ModelSpec) -> "EventDecoder":
        """Returns a decoder with a model's labels, event rules and background classes."""
        labels = spec.labels or tuple(map(str, range(spec.num_classes)))
        return cls(labels, spec.events, spec.background_labels)

    @property
    def probabilities(self) -> np.ndarray:
        """The mean probabilities `float64 [num_classes]` after the last frame; zeros before it."""
        return self._states.means[0].copy()

    @property
    def current(self) -> Event | None:
        """The event in progress: the last one, until its mean is below `close_probability`."""
        return None if self._states.active[0] == _NONE else self._event

    @property
    def shown(self) -> str:
        """The label to show, which never contradicts `probabilities`.

        It is that of the current event while its class is the most probable one, otherwise that of
        the most probable background class. Without background classes, it is empty between events.
        """
        means, is_background = self._states.means[0], self._states.is_background
        if self.current and self.current.index == means.argmax():
            return self.current.label
        if not is_background.any():
            return ""
        return self.labels[int(np.where(is_background, means, -1.0).argmax())]

    def step(self, logits: np.ndarray, seconds: float) -> list[Event]:
        """Decodes the next frame.

        A frame whose logits are not finite is ignored, because it would spoil the means for ever.

        Args:
            logits: `[num_classes]`.
            seconds: time of the frame in the stream. If time steps back, the decoder is reset
                before this frame.

        Returns:
            The events that are recognised at this frame: none, or one.

        Raises:
            InputError: logits of another shape, or a time that is not finite.
        """
        logits = check_frame(logits, seconds, len(self.labels))
        if not np.isfinite(logits).all():
            return []

        index = int(self._states.step(softmax(logits)[None], seconds)[0])
        if index == _NONE:
            return []
        probability = float(self._states.means[0, index])
        self._event = Event(self.labels[index], index, float(seconds), probability)
        return [self._event]

    def reset(self) -> None:
        """Forgets the stream."""
        self._states.reset()


def check_frame(logits: np.ndarray, seconds: float, num_classes: int) -> np.ndarray:
    """Returns the logits of a frame as `float64 [num_classes]`; they may be infinite or NaN.

    Raises:
        InputError: logits of another shape, or a time that is not finite.
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape != (num_classes,):
        raise InputError("logits", f"must be an array of the shape ({num_classes},)", logits.shape)
    if not math.isfinite(seconds):
        raise InputError("seconds", "must be finite", seconds)
    return logits


class EventStates:
    """The states of many decoders side by side: every stream with every set of rules.

    Attributes:
        means: the mean probabilities, `float64 [num_rows, num_classes]`.
        active: for each row, the class of the event in progress, or -1.

    Args:
        rules: sets of rules.
        num_streams: number of streams; row `r * num_streams + s` has rules `r` and stream `s`.
        is_background: for each class, `bool [num_classes]`.
    """

    def __init__(self, rules: Sequence[EventRules], num_streams: int, is_background: np.ndarray):
        self.num_rows = len(rules) * num_streams
        self.is_background = is_background

        def column(name):
            return np.repeat([float(getattr(rule, name)) for rule in rules], num_streams)

        self._tau = column("smoothing_seconds")
        self._open, self._close = column("open_probability"), column("close_probability")
        self._min, self._refractory = column("min_seconds"), column("refractory_seconds")
        self.reset()

    def reset(self) -> None:
        """Forgets the streams."""
        self.means = np.zeros((self.num_rows, len(self.is_background)))
        self._seconds = math.nan
        self._candidate = np.full(self.num_rows, _NONE)  # the class whose mean is high
        self._high_since = np.zeros(self.num_rows)
        self.active = np.full(self.num_rows, _NONE)  # class of the event in progress
        self._silent_until = np.full(self.num_rows, -math.inf)

    def step(self, probabilities: np.ndarray, seconds: float) -> np.ndarray:
        """Takes the next frame of every stream.

        Args:
            probabilities: `[num_streams, num_classes]`, repeated for each set of rules.
            seconds: the time of all the frames.

        Returns:
            `int64 [num_rows]`: the class whose event begins with this frame, or -1.
        """
        if seconds < self._seconds:
            self.reset()
        self._update_means(probabilities, seconds)

        rows = np.arange(self.num_rows)
        active = self.means[rows, self.active]  # of _NONE: the last class, which is not used
        self.active[(self.active != _NONE) & (active < self._close)] = _NONE

        foreground = np.where(self.is_background, -1.0, self.means)
        best = foreground.argmax(axis=1)
        is_high = foreground[rows, best] >= np.maximum(self._open, _EPSILON)
        is_new = is_high & (best != self._candidate)
        self._high_since[is_new] = seconds
        self._candidate = np.where(is_high, best, _NONE)

        has_lasted = seconds - self._high_since >= self._min - _EPSILON
        may_report = seconds >= self._silent_until - _EPSILON
        begins = is_high & (best != self.active) & has_lasted & may_report
        self.active[begins] = best[begins]
        self._silent_until[begins] = seconds + self._refractory[begins]
        return np.where(begins, best, _NONE)

    def _update_means(self, probabilities, seconds):
        probabilities = np.tile(probabilities, (self.num_rows // len(probabilities), 1))
        passed, self._seconds = seconds - self._seconds, seconds
        if math.isnan(passed):  # the first frame
            self.means[:] = probabilities
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = np.where(self._tau > 0, np.exp(-passed / self._tau), 0.0)
        self.means += (1 - kept)[:, None] * (probabilities - self.means)
