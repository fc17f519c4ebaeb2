"""Horizontal flips: which class a mirrored video belongs to, found from the class names."""

import json
import os
import re

from tsm_tf.errors import InputError, MissingFile

_OPPOSITES = {
    "left": "right",
    "right": "left",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}


def flip_targets(labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns for each class the class of its mirrored videos.

    The words left and right, clockwise and counterclockwise (also counter-clockwise,
    anticlockwise) are swapped in the name. Words end at spaces, hyphens, underscores, digits and
    capitals. A class without such words is its own mirror image. A class whose mirrored name is
    not among the labels gets None, and its videos are not flipped.
    """
    index = {_words(label): i for i, label in enumerate(labels)}
    targets = []

    for i, label in enumerate(labels):
        words = _words(label)
        mirrored = tuple(_OPPOSITES.get(word, word) for word in words)
        targets.append(i if mirrored == words else index.get(mirrored))

    return tuple(targets)


def read_flip_targets(path: str | os.PathLike, labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns `flip_targets` with the exceptions from a JSON file.

    Args:
        path: a JSON object that maps class names to their mirrored class, or to null if the class
            is never flipped. A pair is written once:
            `{"Swiping Left": "Swiping Right", "Writing": null}`.
        labels: the class names.

    Raises:
        MissingFile: there is no such file.
        InputError: the file is not a JSON object of class names, or makes a class the mirror
            image of two classes.
    """
    pairs = _read_pairs(path, labels)
    targets = list(flip_targets(labels))

    for name, mirrored in pairs.items():
        one = labels.index(name)
        other = None if mirrored is None else labels.index(mirrored)
        targets[one] = other
        if other is not None:
            targets[other] = one

    for one, other in enumerate(targets):
        if other is not None and targets[other] != one:
            rule = f"must pair {labels[one]!r} with one class, or null"
            raise InputError("flips", rule, os.fspath(path))

    return tuple(targets)


def describe_flips(labels: tuple[str, ...], targets: tuple[int | None, ...]) -> str:
    """Returns one line per pair of classes, so that people can check what a flip does."""
    pairs = [
        f"  {labels[i]} <-> {labels[target]}"
        for i, target in enumerate(targets)
        if target is not None and i < target
    ]
    never = [labels[i] for i, target in enumerate(targets) if target is None]

    lines = ["flips swap these classes and leave the others unchanged:", *(pairs or ["  none"])]
    if never:
        lines.append(f"  never flipped: {', '.join(never)}")
    return "\n".join(lines)


def _read_pairs(path, labels):
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise MissingFile("flips", "must be auto, none, or a JSON file", path)

    try:
        with open(path, encoding="utf-8") as file:
            pairs = dict(json.load(file))
    except (ValueError, TypeError) as error:
        rule = f"must be a JSON object of class names ({error})"
        raise InputError("flips", rule, path) from None

    names = [name for name in (*pairs, *pairs.values()) if name is not None]
    for name in names:
        if name not in labels:
            raise InputError("flips", f"must name classes from {labels}", name)

    return pairs


def _words(label):
    """Returns the words, numbers and signs of a label, in lower case, with one spelling each."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower()
    text = re.sub(r"(counter|anti)[-_ ]?clockwise", "counterclockwise", text)
    return tuple(re.findall(r"[^\W\d_]+|\d+|[^\w\s]", text))
