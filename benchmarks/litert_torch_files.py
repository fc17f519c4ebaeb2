"""Reads files of litert-torch, which numbers inputs and outputs, under the names that ours have."""

import pathlib
import re

from export.format.reader import Model, read_model

_NUMBERED = re.compile(r"(args|output)_(\d+)")
_FIRST = {"args": "image", "output": "logits"}


def has_name(name: str) -> bool:
    """Returns whether an input or output has a name of its own, not only a number."""
    return not _NUMBERED.fullmatch(name)


def read_renamed(path: pathlib.Path) -> Model:
    """Reads a file, whose first input becomes `image`, and whose first output becomes `logits`.

    The inputs and outputs after the first become `cache_1`, `cache_2` and so on. Names that are not
    numbers stay, so files of this project do not change.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a TFLite file, or a damaged one.
    """
    model = read_model(path)
    signature = model.signature
    renamed = signature._replace(
        inputs={_name(name): index for name, index in signature.inputs.items()},
        outputs={_name(name): index for name, index in signature.outputs.items()},
    )
    return model._replace(signatures=[renamed])


def _name(name):
    match = _NUMBERED.fullmatch(name)
    if not match:
        return name
    kind, number = match[1], int(match[2])
    return f"cache_{number}" if number else _FIRST[kind]


def caches_feed_back(model: Model) -> bool:
    """Returns whether the caches that come out can be copied to the inputs as they are."""
    inputs, outputs = model.interface()
    caches = inputs.keys() - {"image"}
    return caches == outputs.keys() - {"logits"} and all(
        inputs[name][1:3] == outputs[name][1:3]
        and (inputs[name].scale, inputs[name].zero_point)
        == (outputs[name].scale, outputs[name].zero_point)
        for name in caches
    )
