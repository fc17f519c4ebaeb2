"""Names of image networks' weights in torchvision and timm, turned into the official checkpoints'.

TSM's authors start from ImageNet weights of these (section 5.1.1). ResNets have the same names everywhere.
"""

import re
from collections.abc import Iterable

from tsm_tf.backbones.mobilenet_v2 import STAGES

_LAST = 1 + sum(blocks for _, _, blocks, _ in STAGES)
_TIMM_FIRST = {"conv_dw": 0, "bn1": 1, "conv_pw": 3, "bn2": 4}  # the block without expansion
_TIMM_OTHER = {"conv_pw": 0, "bn1": 1, "conv_dw": 3, "bn2": 4, "conv_pwl": 6, "bn3": 7}
_TIMM_ENDS = {"conv_stem": "0.0", "bn1": "0.1", "conv_head": f"{_LAST}.0", "bn2": f"{_LAST}.1"}


def official_names(names: Iterable[str]) -> dict[str, str]:
    """Returns the official name of each; names of other layouts than MobileNetV2's in torchvision or timm stay."""
    names = list(names)
    if any(re.match(r"features\.1\.conv\.0\.0\.", name) for name in names):
        return {name: _from_torchvision(name) for name in names}
    if any(name.startswith("blocks.0.0.conv_dw.") for name in names):
        return {name: _from_timm(name) for name in names}
    return {name: name for name in names}


def _from_torchvision(name):
    """`features.3.conv.1.0.weight`: convolution, norm and activation nested in threes; the last two are not."""
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


def _from_timm(name):
    """`blocks.2.0.conv_pwl.weight`: blocks are counted in each stage."""
    block = re.fullmatch(r"blocks\.(\d)\.(\d)\.(\w+)\.(\w+)", name)
    if block:
        stage, index, layer, parameter = block.groups()
        number = 1 + sum(blocks for _, _, blocks, _ in STAGES[: int(stage)]) + int(index)
        places = _TIMM_FIRST if number == 1 else _TIMM_OTHER
        return f"features.{number}.conv.{places[layer]}.{parameter}" if layer in places else name
    layer, _, parameter = name.partition(".")
    return f"features.{_TIMM_ENDS[layer]}.{parameter}" if layer in _TIMM_ENDS else name
