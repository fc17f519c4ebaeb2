"""Checks of the values of `ModelSpec`."""

import unicodedata
from collections.abc import Mapping

from tsm_tf.errors import InputError

_NUMBERS = {
    "width": (0.01, 16),
    "dropout": (0, 0.999),
    "crop_pct": (0.05, 1),
    "fps": (1e-4, 1e4),
    "thresholds": (0, 1),
    "mean": (-1e4, 1e4),
    "std": (1e-6, 1e4),
}
_MAX_LABEL = 1000  # characters


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises an `InputError` unless a value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise InputError(name, f"must be one of {', '.join(choices)}", value)


def check_number(name: str, value: object) -> None:
    """Raises an `InputError` unless a value is a number in the range of its field."""
    smallest, largest = _NUMBERS[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not smallest <= value <= largest:  # also for NaN
        raise InputError(name, f"must be a number from {smallest:g} to {largest:g}", value)


def check_labels(
    labels: tuple[str, ...] | None,
    background: tuple[str, ...] | None,
    num_classes: int,
) -> None:
    """Raises unless class names are distinct and printable, and the background is among them.

    Raises:
        InputError: names the field.
    """
    for name in background or ():
        if name not in (labels or ()):
            raise InputError("background", f"must be names in labels={labels}", name)
    if labels is None:
        return
    if len(labels) != num_classes:
        raise InputError("labels", f"must have num_classes={num_classes} names", labels)
    for label in labels:
        is_text = isinstance(label, str) and 0 < len(label) <= _MAX_LABEL
        if not is_text or any(unicodedata.category(c) in ("Cc", "Cs") for c in label):
            rule = f"must be strings of 1 to {_MAX_LABEL} characters without control characters"
            raise InputError("labels", rule, label)
    if len(set(labels)) != len(labels):
        raise InputError("labels", "must be distinct", labels)


def check_multi_label(
    multi_label: bool,
    thresholds: tuple[float, ...] | None,
    num_classes: int,
    only_others: Mapping[str, object],
) -> None:
    """Raises if a multi-label model has fields that only others have, or the reverse.

    Args:
        multi_label: see `ModelSpec`.
        thresholds: see `ModelSpec`.
        num_classes: size of the logits.
        only_others: the fields that must be None in a multi-label model, by name.

    Raises:
        InputError: names the field.
    """
    for name, value in only_others.items():
        if multi_label and value is not None:
            rule = "must be None with multi_label, whose classes do not exclude each other"
            raise InputError(name, rule, value)
    if thresholds is not None and not (multi_label and len(thresholds) == num_classes):
        rule = f"must be None without multi_label, else num_classes={num_classes} numbers"
        raise InputError("thresholds", rule, thresholds)


def check_one_class(multi_label: bool) -> None:
    """Raises if the videos of a model may have several classes, where a command needs one.

    Raises:
        InputError: about `model`.
    """
    if multi_label:
        rule = "must be trained on videos with one class each for this command"
        raise InputError("model", rule, "multi_label=True")
