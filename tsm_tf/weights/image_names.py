"""Converts the names of image networks' weights in torchvision and timm to the official names.

The authors of TSM start from these ImageNet weights (section 5.1.1). For ResNets the names are the
same everywhere.
"""

import re
from collections.abc import Iterable

from tsm_tf.backbones.mobilenet_v2 import STAGES

_LAST = 1 + sum(blocks for _, _, blocks, _ in STAGES)
_TIMM_FIRST = {"conv_dw": 0, "bn1": 1, "conv_pw": 3, "bn2": 4}  # the block without expansion
_TIMM_OTHER = {"conv_pw": 0, "bn1": 1, "conv_dw": 3, "bn2": 4, "conv_pwl": 6, "bn3": 7}
_TIMM_ENDS = {"conv_stem": "0.0", "bn1": "0.1", "conv_head": f"{_LAST}.0", "bn2": f"{_LAST}.1"}


def official_names(names: Iterable[str]) -> dict[str, str]:
    """Maps each name to its official name.

    Only the layouts of MobileNetV2 in torchvision and timm differ; other names map to themselves.
    """
    names = list(names)
    if any(re.match(r"features\.1\.conv\.0\.0\.", name) for name in names):
        return {name: _from_torchvision(name) for name in names}
    if any(name.startswith("blocks.0.0.conv_dw.") for name in names):
        return {name: _from_timm(name) for name in names}
    return {name: name for name in names}


def _from_torchvision(name: str) -> str:
    """Converts `features.3.conv.1.0.weight`.

    A convolution, its norm and its activation are nested, except the last convolution and norm.
    """
    nested = re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(\d)\.(\w+)", name)
    if nested:
        block, outer, inner, parameter = nested.groups()
        return f"features.{block}.conv.{3 * int(outer) + int(inner)}.{parameter}"

    flat = re.fullmatch(r"features\.(\d+)\.conv\.(\d)\.(\w+)", name)
    if flat:
        block, outer, parameter = flat.groups()
        nests = 1 if block == "1" else 2
        return f"features.{block}.conv.{3 * nests + int(outer) - nests}.{parameter}"
    return name


def _from_timm(name: str) -> str:
    """Converts `blocks.2.0.conv_pwl.weight`, where blocks are numbered within each stage."""
    block = re.fullmatch(r"blocks\.(\d)\.(\d)\.(\w+)\.(\w+)", name)
    if block:
        stage, index, layer, parameter = block.groups()
        number = 1 + sum(blocks for _, _, blocks, _ in STAGES[: int(stage)]) + int(index)
        places = _TIMM_FIRST if number == 1 else _TIMM_OTHER
        return f"features.{number}.conv.{places[layer]}.{parameter}" if layer in places else name

    layer, _, parameter = name.partition(".")
    return f"features.{_TIMM_ENDS[layer]}.{parameter}" if layer in _TIMM_ENDS else name
