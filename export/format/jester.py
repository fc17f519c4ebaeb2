"""The original demo's rules for the gestures of Jester, the data set that it was made for."""

from collections.abc import Sequence

from export.format.smoothing_rules import SmoothingRules

# The original demo ignores these gestures, because they flicker, and shows the first class of a
# pair as the second.
_KEEP_LAST = (
    "Pulling Hand In",
    "Rolling Hand Backward",
    "Rolling Hand Forward",
    "Turning Hand Clockwise",
    "Turning Hand Counterclockwise",
)
_SAME_AS = {"Doing other things": "No gesture"}
_ONLY = "Doing other things"  # a label set that has this class is Jester's


def smoothing_rules(labels: Sequence[str] | None) -> SmoothingRules:
    """Returns the original demo's rules for a model's labels.

    Only Jester's labels have classes to ignore or to merge; other labels get the default rules.
    """
    labels = labels or ()
    if _ONLY not in labels:
        return SmoothingRules()
    return SmoothingRules(
        keep_last=tuple(name for name in _KEEP_LAST if name in labels),
        same_as={
            name: shown for name, shown in _SAME_AS.items() if name in labels and shown in labels
        },
    )
