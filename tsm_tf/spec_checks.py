"""Checks of the values of `ModelSpec`."""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from tsm_tf.catalogue import OPTIONS, find_architecture
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
_INTEGERS = {
    "num_classes": (1, 100_000),
    "num_segments": (1, 65_536),
    "input_size": (32, 4096),
    "shift_div": (1, 4096),
}
_MAX_LABEL = 1000  # characters
_MAX_JSON = 32 << 20  # characters; a spec with the largest network in keras.applications has 1 MB

CLASSIFIER, DETECTOR, KIND = "classifier", "detector", "kind"
"""Kinds of models, and the key of the kind in their JSON; that of classifiers has none."""

DEFAULT_SHIFT_DIV = 8
"""The paper's choice (section 3.3.1)."""


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


def check_integer(name: str, value: object) -> None:
    """Raises an `InputError` unless a value is an integer in the range of its field."""
    smallest, largest = _INTEGERS[name]
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        raise InputError(name, f"must be an integer from {smallest} to {largest}", value)


def check_switch(name: str, value: object) -> None:
    """Raises an `InputError` unless a value is a bool."""
    if not isinstance(value, bool):
        raise InputError(name, "must be true or false", value)


def check_per_channel(name: str, values: tuple[float, ...], channels: int) -> None:
    """Raises an `InputError` unless there is one number per channel, in the range of the field."""
    if len(values) != channels:
        rule = f"must have {channels} values, one per channel"
        raise InputError(name, rule, values)
    for number in values:
        check_number(name, number)


def check_options(backbone: str, values: Mapping[str, Any]) -> None:
    """Raises if a field has a wrong type, or a value that the network does not support.

    Args:
        backbone: name of the network.
        values: the fields in `OPTIONS`.

    Raises:
        InputError: names the field.
    """
    if not all(isinstance(name, str) for name in values["shift_layers"] or ()):
        raise InputError("shift_layers", "must be names of layers or None", values["shift_layers"])
    if not isinstance(values["keras_json"], (str, type(None))):
        raise InputError("keras_json", "must be text or None", values["keras_json"])

    supported = find_architecture(backbone).options
    for name, neutral in OPTIONS.items():
        if name not in supported and values[name] != neutral:
            rule = f"must be {neutral!r}: {backbone} has no such option"
            raise InputError(name, rule, values[name])
    if "keras_json" in supported and values["keras_json"] is None:
        rule = f"must be the JSON of a 2D Keras network for the backbone {backbone}"
        raise InputError("keras_json", rule, None)


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
    for number in thresholds or ():
        check_number("thresholds", number)
    if thresholds is not None and not (multi_label and len(thresholds) == num_classes):
        rule = f"must be None without multi_label, else num_classes={num_classes} numbers"
        raise InputError("thresholds", rule, thresholds)


def check_network(
    backbone: str,
    input_size: int,
    num_segments: int,
    shift_mode: str,
    shift_div: int,
) -> None:
    """Raises if a network cannot take a spec's clips, or is one of clips that is shifted.

    Args:
        backbone: name of the network.
        input_size: see `ModelSpec`, as the others.
        num_segments: see `ModelSpec`.
        shift_mode: see `ModelSpec`.
        shift_div: see `ModelSpec`.

    Raises:
        InputError: names the field.
    """
    architecture = find_architecture(backbone)
    smallest, largest = architecture.sizes
    if not smallest <= input_size <= largest:
        rule = f"must be from {smallest} to {largest} for {backbone}"
        raise InputError("input_size", rule, input_size)
    if num_segments % architecture.segment_step:
        rule = f"must be a multiple of {architecture.segment_step} for {backbone}"
        raise InputError("num_segments", rule, num_segments)

    if shift_mode == "bidirectional" and shift_div < 2:
        raise InputError("shift_div", "must be at least 2 to shift in both directions", shift_div)

    if architecture.takes == "frames":
        return
    rule = f"{backbone} has convolutions over time instead"
    if shift_mode != "none":
        raise InputError("shift_mode", f"must be 'none': {rule}", shift_mode)
    if shift_div != DEFAULT_SHIFT_DIV:
        raise InputError("shift_div", f"must be {DEFAULT_SHIFT_DIV}: {rule}", shift_div)


def check_takes_clips_alone(backbone: str, purpose: str) -> None:
    """Raises if a network takes boxes as a second input.

    Args:
        backbone: name of the network.
        purpose: what cannot be done with boxes, such as `"be exported"`.

    Raises:
        InputError: about `backbone`.
    """
    if find_architecture(backbone).takes_boxes:
        rule = f"must be a network that takes no boxes beside its clips to {purpose}"
        raise InputError("backbone", rule, backbone)


def check_keys(values: Iterable[str], known: set[str], spec: str) -> None:
    """Raises an `InputError` about fields that a kind of spec does not have."""
    unknown = sorted(set(values) - known)
    if unknown:
        rule = f"has the keys {', '.join(sorted(known))} and no others"
        raise InputError(spec, rule, unknown)


def read_object(text: str, kind: str | None = CLASSIFIER) -> dict[str, Any]:
    """Returns the JSON object that describes a spec.

    Args:
        text: the JSON.
        kind: `CLASSIFIER` or `DETECTOR`; None for any.

    Raises:
        InputError: not a JSON object, a very large one, or that of the other kind.
    """
    if len(text) > _MAX_JSON:
        raise InputError("spec", f"must have at most {_MAX_JSON:,} characters", len(text))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:  # also for long integers
        raise InputError("spec", f"must be JSON ({error})", text[:80]) from None
    if not isinstance(values, dict):
        raise InputError("spec", "must be a JSON object", values)
    found = values.get(KIND, CLASSIFIER)
    if kind is not None and found != kind:
        raise InputError("spec", f"must describe a {kind}", f"a spec of the kind {found}")
    return values


def check_one_class(multi_label: bool) -> None:
    """Raises if the videos of a model may have several classes, where a command needs one.

    Raises:
        InputError: about `model`.
    """
    if multi_label:
        rule = "must be trained on videos with one class each for this command"
        raise InputError("model", rule, "multi_label=True")
