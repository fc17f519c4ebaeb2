"""Turns per-frame logits into a class that a person can read."""

import collections
from collections.abc import Sequence

import numpy as np

from export.format.smoothing_rules import SmoothingRules

_FIRST_SHOWN = "No gesture"  # shown before the first gesture, if the labels have it


class Smoother:
    """Smooths the predictions of a stream, like the original demo (`online_demo/main.py`).

    The logits are averaged over several steps, and a class that has just appeared stays for at
    least one more step. The rules may also ignore some classes, and show a class as another one.

    Args:
        labels: class names in the order of the logits.
        rules: what a file says (`StreamRunner.smoothing`); None for the default rules.

    Example:
        >>> smoother = Smoother(runner.labels, runner.smoothing)
        >>> runner.labels[smoother.step(runner.step(frame))]
        'Swiping Left'
    """

    def __init__(self, labels: Sequence[str], rules: SmoothingRules | None = None):
        self.rules = rules or SmoothingRules()
        index = {label: i for i, label in enumerate(labels)}
        self._keep_last = {index[name] for name in self.rules.keep_last if name in index}
        self._same_as = {
            index[name]: index[shown]
            for name, shown in self.rules.same_as.items()
            if name in index and shown in index
        }
        self._first_shown = index.get(_FIRST_SHOWN)
        self.reset()

    def reset(self) -> None:
        """Forgets the stream."""
        self._logits = collections.deque(maxlen=self.rules.averaged_steps)
        self._history = collections.deque(maxlen=self.rules.refractory_steps + 1)
        if self._first_shown is not None:
            self._fill_history(self._first_shown)

    def step(self, logits: np.ndarray) -> int:
        """Takes the next frame's logits `[num_classes]` and returns the class to show."""
        self._logits.append(logits)
        return self.refine(int(np.mean(self._logits, axis=0).argmax()))

    def refine(self, predicted: int) -> int:
        """Takes the next frame's class and returns the class to show.

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
