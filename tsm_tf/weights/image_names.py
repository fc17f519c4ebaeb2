"""Converts the names of weights in torchvision, timm, MMAction2 and PyTorchVideo.

The authors of TSM start from these ImageNet weights (section 5.1.1). For ResNets the names of
torchvision and timm are the official ones.
"""

import re
from collections.abc import Callable, Collection, Iterable

from tsm_tf.backbones.mobilenet_v2 import STAGES

_PYTORCHVIDEO_HEAD = re.compile(r"^blocks\.\d\.proj\.")
_LAST = 1 + sum(blocks for _, _, blocks, _ in STAGES)
# As written in MMAction2, and of the ResNeXt that it takes from another library.
_MMACTION_STEMS = {"backbone.conv1.conv.weight", "backbone.conv1.weight"}
_MMACTION_PATHWAYS = {"slow": 0, "fast": 1}
_I3D_STAGES = {1: 1, 3: 2, 4: 3, 5: 4}  # block 2 is a max-pool
_WRAPPERS = re.compile(r"^((module|model|_orig_mod)\.)+")  # DataParallel, Lightning, torch.compile
_TIMM_FIRST = {"conv_dw": 0, "bn1": 1, "conv_pw": 3, "bn2": 4}  # the block without expansion
_TIMM_OTHER = {"conv_pw": 0, "bn1": 1, "conv_dw": 3, "bn2": 4, "conv_pwl": 6, "bn3": 7}
_TIMM_ENDS = {"conv_stem": "0.0", "bn1": "0.1", "conv_head": f"{_LAST}.0", "bn2": f"{_LAST}.1"}


def official_names(names: Iterable[str]) -> dict[str, str]:
    """Maps each name to its official name.

    What `torch.compile`, `DataParallel` and Lightning put before a name is removed. The layouts of
    MobileNetV2 in torchvision and timm differ, and those of all networks in MMAction2.
    """
    short = {name: _WRAPPERS.sub("", name) for name in names}
    convert = _find_layout(short.values())
    return {name: convert(inner) for name, inner in short.items()}


def _find_layout(names: Collection[str]) -> Callable[[str], str]:
    if any(re.match(r"features\.1\.conv\.0\.0\.", name) for name in names):
        return _from_torchvision
    if any(name.startswith("blocks.0.0.conv_dw.") for name in names):
        return _from_timm
    if "backbone.layer1.0.conv.0.conv.weight" in names:
        return _from_mmaction_mobilenet
    if not _MMACTION_STEMS.isdisjoint(names):
        return _from_mmaction_resnet
    if "backbone.slow_path.conv1.conv.weight" in names:
        return _from_mmaction_slowfast
    if {"blocks.0.conv.weight", "blocks.6.proj.weight"} <= set(names):
        return _from_pytorchvideo_i3d
    if any(_PYTORCHVIDEO_HEAD.match(name) for name in names):
        return _from_pytorchvideo
    return str


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


def _from_mmaction_resnet(name: str) -> str:
    """Converts `backbone.layer1.0.conv1.conv.net.weight` and `backbone.layer1.0.conv1.bn.bias`.

    Also those of non-local blocks, such as `backbone.layer2.0.non_local_block.g.0.conv.weight`, and
    of temporal relations, `cls_head.consensus.fc_fusion_scales.0.1.weight`.
    """
    name = name.removeprefix("backbone.").replace("cls_head.fc_cls.", "new_fc.")
    name = name.removeprefix("cls_head.")
    name = re.sub(r"\bnon_local_block\.(g\.0|theta|phi\.0)\.conv\.", r"nl.\1.", name)
    name = name.replace("non_local_block.conv_out.conv.", "nl.W.0.")
    name = name.replace("non_local_block.conv_out.bn.", "nl.W.1.")
    name = re.sub(r"\bconv(\d)\.conv\.", r"conv\1.", name)
    name = re.sub(r"\bconv(\d)\.bn\.", r"bn\1.", name)
    return name.replace("downsample.conv.", "downsample.0.").replace(
        "downsample.bn.",
        "downsample.1.",
    )


def _from_mmaction_mobilenet(name: str) -> str:
    """Converts `backbone.layer2.1.conv.0.net.conv.weight`, where blocks are numbered per stage.

    The shift wraps a convolution with its norm (`net.conv`, `net.bn`), which is not so in the
    original, or the convolution alone (`conv.net`).
    """
    name = name.removeprefix("backbone.").replace("cls_head.fc_cls.", "new_fc.")
    name = re.sub(r"\.net\.conv\.", ".conv.net.", name).replace(".net.bn.", ".bn.")
    block = re.fullmatch(r"layer(\d)\.(\d)\.conv\.(\d)\.(conv|bn)\.(.+)", name)
    if block:
        stage, index, convolution, kind, parameter = block.groups()
        number = 1 + sum(blocks for _, _, blocks, _ in STAGES[: int(stage) - 1]) + int(index)
        place = 3 * int(convolution) + (kind == "bn")
        return f"features.{number}.conv.{place}.{parameter}"

    end = re.fullmatch(r"conv([12])\.(conv|bn)\.(.+)", name)
    if end:
        which, kind, parameter = end.groups()
        return f"features.{0 if which == '1' else _LAST}.{int(kind == 'bn')}.{parameter}"
    return name


def _from_pytorchvideo(name: str) -> str:
    """Converts `blocks.6.proj.weight`, the classifier; the other names are the official ones."""
    return _PYTORCHVIDEO_HEAD.sub("new_fc.", name)


def _from_pytorchvideo_i3d(name: str) -> str:
    """Converts `blocks.3.res_blocks.0.branch2.conv_a.weight`, the first kernel of the second stage.

    MMAction2's I3D has the same layers under the official ResNet's names.
    """
    name = _PYTORCHVIDEO_HEAD.sub("new_fc.", name)
    name = re.sub(r"^blocks\.0\.conv\.", "conv1.", name)
    name = re.sub(r"^blocks\.0\.norm\.", "bn1.", name)
    block = re.fullmatch(r"blocks\.(\d)\.res_blocks\.(\d)\.(.+)", name)
    if not block or int(block[1]) not in _I3D_STAGES:
        return name
    inner = block[3].replace("branch1_conv.", "downsample.0.")
    inner = inner.replace("branch1_norm.", "downsample.1.")
    for number, letter in enumerate("abc", 1):
        inner = inner.replace(f"branch2.conv_{letter}.", f"conv{number}.")
        inner = inner.replace(f"branch2.norm_{letter}.", f"bn{number}.")
    return f"layer{_I3D_STAGES[int(block[1])]}.{block[2]}.{inner}"


def _from_mmaction_slowfast(name: str) -> str:
    """Converts `backbone.fast_path.layer1.0.conv1.bn.weight` to PyTorchVideo's name."""
    name = name.replace("cls_head.fc_cls.", "new_fc.")
    lateral = re.fullmatch(r"backbone\.slow_path\.(conv|layer)(\d)_lateral\.conv\.(\w+)", name)
    if lateral:
        stage = 0 if lateral[1] == "conv" else int(lateral[2])
        return f"blocks.{stage}.multipathway_fusion.conv_fast_to_slow.{lateral[3]}"

    stem = re.fullmatch(r"backbone\.(slow|fast)_path\.conv1\.(conv|bn)\.(\w+)", name)
    if stem:
        pathway, kind = _MMACTION_PATHWAYS[stem[1]], "norm" if stem[2] == "bn" else "conv"
        return f"blocks.0.multipathway_blocks.{pathway}.{kind}.{stem[3]}"

    block = re.fullmatch(
        r"backbone\.(slow|fast)_path\.layer(\d)\.(\d)\.(downsample|conv[123])\.(conv|bn)\.(\w+)",
        name,
    )
    if not block:
        return name
    pathway, kind = _MMACTION_PATHWAYS[block[1]], "norm" if block[5] == "bn" else "conv"
    inner = f"branch1_{kind}"
    if block[4] != "downsample":
        inner = f"branch2.{kind}_{'abc'[int(block[4][-1]) - 1]}"
    beginning = f"blocks.{block[2]}.multipathway_blocks.{pathway}.res_blocks.{block[3]}"
    return f"{beginning}.{inner}.{block[6]}"
