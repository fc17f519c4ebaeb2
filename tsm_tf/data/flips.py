"""Which class a mirrored video shows, found from the words of the class names."""

import json
import os
import pathlib
import re

from tsm_tf.errors import InputError

_OPPOSITES = {
    "left": "right",
    "right": "left",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}


def flip_targets(labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns for each class the class that its mirrored videos show.

    The words left and right, clockwise and counterclockwise (also counter-clockwise, anticlockwise) are swapped in the
    name; words end at spaces, hyphens, underscores, digits and capitals. A class without such words is its own mirror
    image; one whose mirror image has no name among the labels gives None, and its videos are not flipped.
    """
    index = {_words(label): i for i, label in enumerate(labels)}
    targets = []
    for i, label in enumerate(labels):
        words = _words(label)
        mirrored = tuple(_OPPOSITES.get(word, word) for word in words)
        targets.append(i if mirrored == words else index.get(mirrored))
    return tuple(targets)


def read_flip_targets(path: str | os.PathLike, labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns `flip_targets` with the exceptions of a JSON file: class names to their mirrored class, or to null.

    A pair is written once, `{"Swiping Left": "Swiping Right", "Writing": null}`; null is never flipped.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a JSON object of class names, or a class that would be two classes' mirror image.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`flips` must be auto, none, or a JSON file: {path}")
    try:
        pairs = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(
            "flips", f"must be a JSON object of class names ({error})", str(path)
        ) from None
    unknown = [
        name for name in (*pairs, *pairs.values()) if name is not None and name not in labels
    ]
    if unknown:
        raise InputError("flips", f"must name classes of {labels}", unknown[0])
    targets = list(flip_targets(labels))
    for name, mirrored in pairs.items():
        one, other = labels.index(name), None if mirrored is None else labels.index(mirrored)
        targets[one] = other
        if other is not None:
            targets[other] = one
    for one, other in enumerate(targets):
        if other is not None and targets[other] != one:
            raise InputError(
                "flips", f"must pair {labels[one]!r} with one class, or null", str(path)
            )
    return tuple(targets)


def _words(label):
    """Returns a label's words, numbers and signs, in small letters and with one spelling of counterclockwise."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower()
    text = re.sub(r"(counter|anti)[-_ ]?clockwise", "counterclockwise", text)
    return tuple(re.findall(r"[^\W\d_]+|\d+|[^\w\s]", text))


def describe_flips(labels: tuple[str, ...], targets: tuple[int | None, ...]) -> str:
    """Returns a line a pair, for people to check what a flip makes of each class."""
    pairs = [
        f"  {labels[i]} <-> {labels[t]}" for i, t in enumerate(targets) if t is not None and i < t
    ]
    never = [labels[i] for i, t in enumerate(targets) if t is None]
    lines = [
        "flips swap these classes, and leave the others what they are:",
        *(pairs or ["  none"]),
    ]
    return "\n".join([*lines, *([f"  never flipped: {', '.join(never)}"] if never else [])])
