"""Horizontal flips: which class a mirrored video belongs to.

A mirrored `Swiping Left` is a `Swiping Right`. If that is not known, a flip teaches the model the
wrong class, so videos are mirrored only where the class names, the data set, or a file says what
becomes of each class.
"""

import json
import os
from collections.abc import Sequence

from tsm_tf.data.datasets.catalogue import find_symmetric_data_set
from tsm_tf.data.side_words import mirrored_names
from tsm_tf.data.text_file import read_text
from tsm_tf.errors import InputError

AUTO, ALL, NONE = "auto", "all", "none"

Targets = tuple[int | None, ...]
"""For each class the class of its mirrored videos; None: they have none and are not mirrored."""

_HOW_TO_TURN_ON = (
    "--flips=FILE names the classes to swap, --flips=all mirrors every class as it is "
    "(see docs/train.md)"
)


def choose_flips(flips: str, labels: tuple[str, ...]) -> Targets | None:
    """Returns what a flip makes of each class, or None if no video is mirrored.

    Args:
        flips: `"auto"`, `"all"`, `"none"`, or a path.

            - `"auto"` mirrors if two class names are a pair (`flip_targets`), or if the classes are
              those of a data set without sides, such as Kinetics.
            - `"all"` mirrors in any case.
            - A path names a file that changes what `flip_targets` finds; see `read_flip_targets`.
        labels: the class names.

    Raises:
        MissingFile: there is no such file.
        InputError: see `read_flip_targets`.
    """
    if flips == NONE:
        return None
    if flips not in (AUTO, ALL):
        return read_flip_targets(flips, labels)

    targets = flip_targets(labels)
    has_pairs = any(target not in (None, i) for i, target in enumerate(targets))
    is_on = flips == ALL or has_pairs or find_symmetric_data_set(labels)
    return targets if is_on else None


def flip_targets(labels: tuple[str, ...]) -> Targets:
    """Returns for each class the class of its mirrored videos, found from the names.

    Words for the two sides are swapped; see `tsm_tf.data.side_words`. A class without such a word
    is its own mirror image. A class whose mirrored name is not among the labels gets None.
    """
    return mirrored_names(labels)


def read_flip_targets(path: str | os.PathLike, labels: tuple[str, ...]) -> Targets:
    """Returns `flip_targets` with the exceptions from a file.

    Args:
        path: a text file in UTF-8. A line with two class names, separated by a tab or a comma,
            makes them a pair; a line with one name says that this class is never mirrored; the
            same name twice makes a class its own mirror image. Or a JSON object with the same
            content: `{"Swiping Left": "Swiping Right", "Writing": null}`.
        labels: the class names.

    Raises:
        MissingFile: there is no such file.
        InputError: a line that is neither, or that makes a class the mirror image of two classes.
    """
    path = os.fspath(path)
    text = read_text(path, "flips", "must be auto, all, none, or a file of class names")
    pairs = _parse_json(text, path) if text.lstrip().startswith("{") else _parse_lines(text, labels)

    targets = list(flip_targets(labels))
    given: dict[int, int | None] = {}

    for place, names in pairs:
        for name in names:
            if name not in labels:
                rule = f"must name classes from {labels}; see {path}{place}"
                raise InputError("flips", rule, name)

        one, other = labels.index(names[0]), labels.index(names[-1])
        partners = {one: None} if len(names) == 1 else {one: other, other: one}
        for index, partner in partners.items():
            if given.setdefault(index, partner) != partner:
                rule = f"must pair {labels[index]!r} with one class only; see {path}{place}"
                raise InputError("flips", rule, names)
            targets[index] = partner

    for one, other in enumerate(targets):
        if other is not None and targets[other] != one:
            rule = f"must say what a mirrored {labels[one]!r} is, because its partner is taken"
            raise InputError("flips", rule, path)

    return tuple(targets)


def describe_flips(flips: str, labels: tuple[str, ...], targets: Targets | None) -> str:
    """Returns what a flip is assumed to make of each class, so that people can check it.

    Args:
        flips: see `choose_flips`.
        labels: the class names.
        targets: what `choose_flips` returned.
    """
    if targets is None:
        if flips == NONE:
            return "flips: off"
        return f"flips: off, because no class names are a known pair of sides; {_HOW_TO_TURN_ON}"

    pairs = [
        f"  {labels[i]} <-> {labels[target]}"
        for i, target in enumerate(targets)
        if target is not None and i < target
    ]
    symmetric = [labels[i] for i, target in enumerate(targets) if target == i]
    never = [labels[i] for i, target in enumerate(targets) if target is None]

    data_set = find_symmetric_data_set(labels)
    why = f" (the classes are those of {data_set})" if data_set else ""
    lines = [f"flips: on{why}; half of the training videos are mirrored, and their classes become"]
    lines += pairs
    if symmetric:
        lines.append(f"  the same class: {', '.join(symmetric)}")
    if never:
        lines.append(f"  never flipped: {', '.join(never)}")
    return "\n".join(lines)


def _parse_json(text, path) -> list[tuple[str, Sequence[str]]]:
    """Returns the place and the names of each pair, as `_parse_lines` does."""
    try:
        pairs = dict(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        rule = f"must be a JSON object of class names ({error})"
        raise InputError("flips", rule, path) from None

    return [
        ("", [name] if mirrored is None else [name, mirrored]) for name, mirrored in pairs.items()
    ]


def _parse_lines(text, labels) -> list[tuple[str, Sequence[str]]]:
    return [
        (f":{number}", _split(line, labels))
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]


def _split(line, labels):
    """Returns the one or two names of a line; a name may contain commas, unless a tab is there."""
    if "\t" in line:
        return [name.strip() for name in line.split("\t", 1)]

    line = line.strip()
    commas = [i for i, character in enumerate(line) if character == ","]
    splits = [[line[:i].strip(), line[i + 1 :].strip()] for i in commas]
    known = [names for names in splits if set(names) <= set(labels)]

    if line in labels or not splits:
        return [line]
    return known[0] if known else splits[0]
