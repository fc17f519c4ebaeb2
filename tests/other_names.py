"""The names that official weights have in other projects."""

import re

# Blocks per stage of MobileNetV2.
_STAGES = (1, 2, 3, 4, 3, 3, 1)


def mmaction_name(name):
    """Returns the name in MMAction2 of a weight of the official ResNet or MobileNetV2."""
    name = name.removeprefix("module.").removeprefix("base_model.")
    if name.startswith("consensus."):
        return f"cls_head.{name}"
    if name.startswith("new_fc."):
        return name.replace("new_fc.", "cls_head.fc_cls.")
    return "backbone." + (_mobilenet(name) if name.startswith("features") else _resnet(name))


def _resnet(name):
    name = re.sub(r"\.nl\.(g\.0|theta|phi\.0)\.", r".non_local_block.\1.conv.", name)
    name = name.replace(".nl.W.0.", ".non_local_block.conv_out.conv.")
    name = name.replace(".nl.W.1.", ".non_local_block.conv_out.bn.")
    name = re.sub(r"\bconv(\d)\.", r"conv\1.conv.", name)
    name = re.sub(r"\bbn(\d)\.", r"conv\1.bn.", name)
    return name.replace("sample.0.", "sample.conv.").replace("sample.1.", "sample.bn.")


def _mobilenet(name):
    """The shift wraps a convolution together with its norm, `conv.0.net.{conv,bn}`."""
    end = re.fullmatch(r"features\.(0|18)\.(0|1)\.(\w+)", name)
    if end:
        return f"conv{1 if end[1] == '0' else 2}.{('conv', 'bn')[int(end[2])]}.{end[3]}"

    number, place, net, parameter = re.fullmatch(
        r"features\.(\d+)\.conv\.(\d)\.(net\.)?(\w+)", name
    ).groups()
    stage, index = 1, int(number) - 1
    while index >= _STAGES[stage - 1]:
        index -= _STAGES[stage - 1]
        stage += 1
    is_shifted = number in ("3", "5", "6", "8", "9", "10", "12", "13", "15", "16")
    wrapper = "net." if is_shifted and place in "01" else ""
    kind = ("conv", "bn")[int(place) % 3]
    assert (net is not None) == (is_shifted and place == "0")
    return f"layer{stage}.{index}.conv.{int(place) // 3}.{wrapper}{kind}.{parameter}"


def mmaction_resnext_name(name):
    """Returns the name in MMAction2 of a weight of ResNeXt, which has torchvision's layers."""
    name = name.removeprefix("base_model.").replace(".net.", ".")
    return name.replace("new_fc.", "cls_head.fc_cls.") if "fc" in name else f"backbone.{name}"


def mmaction_slowfast_name(name):
    """Returns the name in MMAction2 of a weight of PyTorchVideo's SlowFast; None for the norms
    between the pathways, which MMAction2 does not have."""
    if "multipathway_fusion" in name:
        stage = int(name.split(".")[1])
        lateral = f"layer{stage}_lateral" if stage else "conv1_lateral"
        return f"backbone.slow_path.{lateral}.conv.weight" if "conv_fast" in name else None
    if name.startswith("blocks.6.proj."):
        return name.replace("blocks.6.proj.", "cls_head.fc_cls.")
    _, stage, _, pathway, *inner, layer, parameter = name.split(".")
    beginning = f"backbone.{('slow', 'fast')[int(pathway)]}_path"
    if stage == "0":
        kind = {"conv": "conv", "norm": "bn"}[layer]
        return f"{beginning}.conv1.{kind}.{parameter}"
    kind = "bn" if "norm" in layer else "conv"
    convolution = "downsample" if "branch1" in layer else f"conv{'abc'.index(layer[-1]) + 1}"
    return f"{beginning}.layer{stage}.{inner[1]}.{convolution}.{kind}.{parameter}"


def pytorchvideo_i3d_name(name):
    """Returns the name in PyTorchVideo of a weight of MMAction2's I3D."""
    if name.startswith("cls_head."):
        return name.replace("cls_head.fc_cls.", "blocks.6.proj.")
    kind = {".conv.": "conv", ".bn.": "norm"}
    if name.startswith("backbone.conv1."):
        return f"blocks.0.{kind[name[14:].rpartition('.')[0] + '.']}.{name.rpartition('.')[2]}"
    layer, index, convolution, what, parameter = name.removeprefix("backbone.").split(".")
    block = {"layer1": 1, "layer2": 3, "layer3": 4, "layer4": 5}[layer]
    what = kind[f".{what}."]
    inner = "branch1" if convolution == "downsample" else "branch2."
    letter = "" if convolution == "downsample" else "abc"[int(convolution[-1]) - 1]
    joined = f"{inner}_{what}" if not letter else f"{inner}{what}_{letter}"
    return f"blocks.{block}.res_blocks.{index}.{joined}.{parameter}"
