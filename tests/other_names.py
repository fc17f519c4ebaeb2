"""The names that official weights have in other projects."""

import re

# Blocks per stage of MobileNetV2.
_STAGES = (1, 2, 3, 4, 3, 3, 1)


def mmaction_name(name):
    """Returns the name in MMAction2 of a weight of the official ResNet or MobileNetV2."""
    name = name.removeprefix("module.").removeprefix("base_model.")
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
