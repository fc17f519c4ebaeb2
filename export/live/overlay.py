"""Draws what a viewer sees: a frame, the shown class, bars of the top classes, the last events."""

from collections.abc import Sequence

import numpy as np

from export.live.events import Event
from tsm_tf.camera.panel import GREY, Panel, scaled

_HEIGHT = 164  # of the panel, for a picture of `MIN_HEIGHT`
_NUM_BARS = 3
_NOTHING = "–"  # shown between events by a model without background classes


def annotate(
    frame: np.ndarray,
    shown: str,
    labels: Sequence[str],
    probabilities: np.ndarray,
    events: Sequence[Event],
    status: str,
) -> np.ndarray:
    """Draws the model's output under an RGB frame.

    Args:
        frame: `uint8 [H, W, 3]`.
        shown: the label to show; empty if nothing happens.
        labels: class names.
        probabilities: one per class: `[num_classes]`.
        events: the last events, newest last. As many as fit are drawn, newest first.
        status: one short line, such as the latency.

    Returns:
        `uint8 [H', W', 3]` of even height and width, which H.264 requires.
    """
    panel = Panel(scaled(frame), _HEIGHT)
    panel.text(shown or _NOTHING, 22, 24, bold=True)

    for row, i in enumerate(np.argsort(-probabilities)[:_NUM_BARS]):
        panel.bar(f"{labels[i]}  {probabilities[i]:.0%}", float(probabilities[i]), 42 + 25 * row)

    panel.chips([f"{event.label}  {event.seconds:.1f} s" for event in reversed(events)], 120)
    panel.text(status, 153, 11, GREY)
    return np.array(panel.canvas)
