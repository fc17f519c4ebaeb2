"""Turns per-frame logits into a class that a person can read."""

import collections
from collections.abc import Collection, Sequence

import numpy as np

from export.format.smoothing_rules import SmoothingRules
from export.live.events import Event
from tsm_tf.evaluation.metrics import softmax


class Smoother:
    """Smooths the predictions of a stream, like the original demo (`online_demo/main.py`).

    The logits are averaged over several steps, and a class that has just appeared stays for at
    least one more step. The rules may also ignore some classes, and show a class as another one.

    Args:
        labels: class names in the order of the logits.
        rules: the file's rules (`StreamRunner.smoothing`); None for the default rules.
        background: names of the classes in which nothing happens, `spec.background_labels`. The
            first one is shown before the first gesture.

    Example:
        >>> smoother = Smoother(runner.labels, runner.smoothing, runner.spec.background_labels)
        >>> runner.labels[smoother.step(runner.step(frame))]
        'Swiping Left'
    """

    def __init__(
        self,
        labels: Sequence[str],
        rules: SmoothingRules | None = None,
        background: Collection[str] = (),
    ):
        self.labels = tuple(labels)
        self.rules = rules or SmoothingRules()
        self.background = tuple(label for label in self.labels if label in background)

        index = {label: i for i, label in enumerate(self.labels)}
        self._keep_last = {index[name] for name in self.rules.keep_last if name in index}
        self._same_as = {
            index[name]: index[shown]
            for name, shown in self.rules.same_as.items()
            if name in index and shown in index
        }
        self.first_shown: int | None = None
        if self.background:
            first = index[self.background[0]]
            self.first_shown = self._same_as.get(first, first)
        self.reset()

    def reset(self) -> None:
        """Forgets the stream."""
        self._logits = collections.deque(maxlen=self.rules.averaged_steps)
        self._history = collections.deque(maxlen=self.rules.refractory_steps + 1)
        if self.first_shown is not None:
            self._fill_history(self.first_shown)

    @property
    def probabilities(self) -> np.ndarray:
        """The softmax `[num_classes]` of the averaged logits; zeros before the first frame."""
        if not self._logits:
            return np.zeros(len(self.labels))
        return softmax(np.mean(self._logits, axis=0))

    def step(self, logits: np.ndarray) -> int:
        """Returns the class to show after the next frame's logits `[num_classes]`."""
        self._logits.append(logits)
        return self.refine(int(np.mean(self._logits, axis=0).argmax()))

    def refine(self, predicted: int) -> int:
        """Returns the class to show after the next frame's class.

        This is `process_output` of the original demo.
        """
        if not self._history:
            self._fill_history(predicted)

        if predicted in self._keep_last:
            predicted = self._history[-1]
        predicted = self._same_as.get(predicted, predicted)
        if len(set(self._history)) > 1:  # the last change is too recent for another one
            predicted = self._history[-1]

        self._history.append(predicted)
        return predicted

    def _fill_history(self, shown):
        self._history.extend([shown] * (self.rules.refractory_steps + 1))


class SmoothedEvents:
    """The original smoothing with the interface of `EventDecoder`.

    An event is a change of the shown class to one that is not background. The original cannot
    report the same gesture twice in a row unless background is shown between.

    Args:
        smoother: chooses the class to show.
    """

    def __init__(self, smoother: Smoother):
        self.smoother = smoother
        self._shown = smoother.first_shown

    @property
    def probabilities(self) -> np.ndarray:
        """The softmax `[num_classes]` of the averaged logits; zeros before the first frame."""
        return self.smoother.probabilities

    @property
    def shown(self) -> str:
        """The label to show; empty before the first frame if there is no background class."""
        return "" if self._shown is None else self.smoother.labels[self._shown]

    def step(self, logits: np.ndarray, seconds: float) -> list[Event]:
        """Returns the events at the next frame: none, or one; see `EventDecoder.step`."""
        before, self._shown = self._shown, self.smoother.step(logits)
        if self._shown == before or self.shown in self.smoother.background:
            return []
        probability = float(self.probabilities[self._shown])
        return [Event(self.shown, self._shown, seconds, probability)]

    def reset(self) -> None:
        """Forgets the stream."""
        self.smoother.reset()
        self._shown = self.smoother.first_shown
