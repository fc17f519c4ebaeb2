"""From per-frame logits to a class that a person can read: the original demo's two rules (`online_demo/main.py`)."""

import collections

import numpy as np

AVERAGED_STEPS = 12
HISTORY = 20
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
    """Averages logits over the last 12 steps, and shows a new class only when it comes twice in a row.

    With Jester's labels, classes that flicker count as the last one and `Doing other things` as `No gesture`; other
    label sets have no such classes.

    Args:
        labels: class names in the order of the logits.
        averaged_steps: how many steps' logits are averaged.
    """

    def __init__(self, labels: tuple[str, ...], averaged_steps: int = AVERAGED_STEPS):
        self.averaged_steps = averaged_steps
        is_jester = JESTER_ONLY in labels
        index = {label: i for i, label in enumerate(labels)}
        self.keep_last = {index[name] for name in KEEP_LAST & index.keys()} if is_jester else set()
        self.same_as = {index[a]: index[b] for a, b in SAME_AS.items() if a in index and b in index}
        self.start = index.get("No gesture")
        self.reset()

    def reset(self) -> None:
        """Forgets the stream."""
        self.logits = collections.deque(maxlen=self.averaged_steps)
        self.history = collections.deque([] if self.start is None else [self.start] * 2, maxlen=HISTORY)

    def step(self, logits: np.ndarray) -> int:
        """Takes the next frame's logits `[num_classes]`; returns the class to show."""
        self.logits.append(logits)
        return self.refine(int(np.mean(self.logits, axis=0).argmax()))

    def refine(self, predicted: int) -> int:
        """Takes the next frame's class; returns the class to show (the official `process_output`)."""
        if not self.history:
            self.history.extend([predicted] * 2)
        if predicted in self.keep_last:
            predicted = self.history[-1]
        predicted = self.same_as.get(predicted, predicted)
        # One odd frame between equal ones is not shown.
        if predicted != self.history[-1] and self.history[-2] != self.history[-1]:
            predicted = self.history[-1]
        self.history.append(predicted)
        return self.history[-1]
