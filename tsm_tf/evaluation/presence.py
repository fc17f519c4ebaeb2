"""Finds the classes that are present in a stream, for models with several classes. Numpy only."""

import math
from collections.abc import Sequence

import numpy as np

from tsm_tf.evaluation.events import Event, check_frame
from tsm_tf.event_rules import EventRules
from tsm_tf.multi_label.sigmoid import sigmoid
from tsm_tf.spec import ModelSpec

SMOOTHING_SECONDS = EventRules.smoothing_seconds


class PresenceDecoder:
    """Decodes one stream of a multi-label model, with the interface of `EventDecoder`.

    The probabilities (sigmoids of the logits) are averaged over time, with a time constant of
    `SMOOTHING_SECONDS`. A class is present while its mean is at least its threshold. Each time that
    a class appears is an event.

    Args:
        labels: class names in the order of the logits.
        thresholds: the threshold of each class.

    Example:
        >>> decoder = PresenceDecoder.of(runner.spec)
        >>> decoder.step(runner.step(frame), seconds)
        >>> decoder.present
        ('walking', 'waving')
    """

    def __init__(self, labels: Sequence[str], thresholds: Sequence[float]):
        self.labels = tuple(labels)
        self.thresholds = np.array(thresholds, np.float64)
        self.reset()

    @classmethod
    def of(cls, spec: ModelSpec) -> "PresenceDecoder":
        """Returns a decoder with a model's labels and thresholds."""
        labels = spec.labels or tuple(map(str, range(spec.num_classes)))
        return cls(labels, spec.class_thresholds)

    @property
    def probabilities(self) -> np.ndarray:
        """The mean probabilities `float64 [num_classes]` after the last frame; zeros before it."""
        return self._means.copy()

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the classes that are present, the most probable first."""
        indices = np.flatnonzero(self._is_present)
        order = np.argsort(-self._means[indices], kind="stable")
        return tuple(self.labels[i] for i in indices[order])

    @property
    def shown(self) -> str:
        """The label to show: the present classes; empty if there are none."""
        return ", ".join(self.present)

    def step(self, logits: np.ndarray, seconds: float) -> list[Event]:
        """Decodes the next frame.

        A frame whose logits are not finite is ignored, because it would spoil the means for ever.

        Args:
            logits: `[num_classes]`.
            seconds: time of the frame in the stream. If time steps back, the decoder is reset
                before this frame.

        Returns:
            One event per class that appears at this frame.

        Raises:
            InputError: logits of another shape, or a time that is not finite.
        """
        logits = check_frame(logits, seconds, len(self.labels))
        if not np.isfinite(logits).all():
            return []

        if self._seconds is not None and seconds < self._seconds:
            self.reset()
        kept = 0.0
        if self._seconds is not None:
            kept = math.exp((self._seconds - seconds) / SMOOTHING_SECONDS)
        self._means += (1 - kept) * (sigmoid(logits) - self._means)
        self._seconds = seconds

        before, self._is_present = self._is_present, self._means >= self.thresholds
        return [
            Event(self.labels[i], int(i), float(seconds), float(self._means[i]))
            for i in np.flatnonzero(self._is_present & ~before)
        ]

    def reset(self) -> None:
        """Forgets the stream."""
        self._means = np.zeros(len(self.labels))
        self._is_present = np.zeros(len(self.labels), bool)
        self._seconds: float | None = None
