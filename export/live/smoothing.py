"""From per-frame logits to a class that a person can read: the original demo's two rules (`online_demo/main.py`)."""

import collections

import numpy as np

AVERAGED_STEPS = 12
REFRACTORY_STEPS = 1
# By Jester's names: gestures that the demo ignores, and the class that stands for another.
KEEP_LAST = frozenset(
    (
        "Pulling Hand In",
        "Rolling Hand Backward",
        "Rolling Hand Forward",
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
    )
)
SAME_AS = {"Doing other things": "No gesture"}
JESTER_ONLY = "Doing other things"  # the rules above are for Jester's 27 classes; other label sets have their own


class Smoother:
    """Averages logits over the last 12 steps, and keeps a class that has just come for at least one more step.

    With Jester's labels, classes that flicker count as the last one and `Doing other things` as `No gesture`; other
    label sets have no such classes.

    Args:
        labels: class names in the order of the logits.
        averaged_steps: how many steps' logits are averaged; 1 for none but the last.
        refractory_steps: for how many steps a class that has just come stays, whatever comes; 0 for none.
    """

    def __init__(
        self,
        labels: tuple[str, ...],
        averaged_steps: int = AVERAGED_STEPS,
        refractory_steps: int = REFRACTORY_STEPS,
    ):
        self.averaged_steps = averaged_steps
        self.refractory_steps = refractory_steps
        is_jester = JESTER_ONLY in labels
        index = {label: i for i, label in enumerate(labels)}
        self.keep_last = {index[name] for name in KEEP_LAST & index.keys()} if is_jester else set()
        self.same_as = {index[a]: index[b] for a, b in SAME_AS.items() if a in index and b in index}
        self.start = index.get("No gesture")
        self.reset()

    def reset(self) -> None:
        """Forgets the stream."""
        self.logits = collections.deque(maxlen=self.averaged_steps)
        length = self.refractory_steps + 1
        self.history = collections.deque(
            [] if self.start is None else [self.start] * length, maxlen=length
        )

    def step(self, logits: np.ndarray) -> int:
        """Takes the next frame's logits `[num_classes]`; returns the class to show."""
        self.logits.append(logits)
        return self.refine(int(np.mean(self.logits, axis=0).argmax()))

    def refine(self, predicted: int) -> int:
        """Takes the next frame's class; returns the class to show (the official `process_output`)."""
        if not self.history:
            self.history.extend([predicted] * self.history.maxlen)
        if predicted in self.keep_last:
            predicted = self.history[-1]
        predicted = self.same_as.get(predicted, predicted)
        if len(set(self.history)) > 1:
            predicted = self.history[-1]
        self.history.append(predicted)
        return self.history[-1]
