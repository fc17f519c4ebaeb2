"""Official PyTorch weights into Keras models, and the command that turns a file of them into a checkpoint folder.

    python -m tsm_tf.weights --input=TSM_somethingv2_RGB_resnet50.pth.tar --output=checkpoints/sth

Backbone, classes, shift, non-local blocks, temporal pooling and modality are read off the names and shapes; the flags
are for what is in neither (number of segments, the direction of the shift, ...).
"""

import re
from collections.abc import Mapping

import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec, round_channels
from tsm_tf.weights.image_names import official_names

_WRAPPERS = {
    "module",
    "base_model",
    "net",
    "block",
}  # DataParallel, TSN, TemporalShift and pooling, non-local
_HEADS = {"new_fc", "fc", "classifier"}
_IGNORED = "num_batches_tracked"
_PARAMETER = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_WIDTHS = (1.0, 0.35, 0.5, 0.75, 1.3, 1.4)  # MobileNetV2's published widths


def load_official_weights(model, state_dict: Mapping[str, np.ndarray]) -> None:
    """Loads the original implementation's weights into a clip model, or into any model with its layers.

    Args:
        model: a model of `build_model`.
        state_dict: official names (`base_model.layer1.0.conv1.net.weight`, with or without `module.`; the head is
            `new_fc`, `fc` or `classifier`) to arrays in PyTorch's layout; or those of torchvision's and timm's ResNets
            and MobileNetV2.

    Raises:
        InputError: listing every name that is missing or unexpected and every shape that differs; the model is then
            unchanged.
    """
    arrays = _by_plain_name(state_dict)
    problems, values = [], {}
    for variable in model.variables:
        name = _official_name(variable.path)
        if name is None:
            continue
        if name not in arrays:
            problems.append(f"missing {name}")
            continue
        value = _to_keras_layout(arrays.pop(name), variable)
        if value.shape != tuple(variable.shape):
            problems.append(
                f"misshaped {name} (Keras needs {tuple(variable.shape)}, the file gives {value.shape})"
            )
        values[variable.path] = value
    problems += [f"unexpected {name}" for name in arrays]
    if problems:
        rule = f"must match every weight of {model.name} by name and shape; {'; '.join(problems)}"
        raise InputError("state_dict", rule, f"{len(state_dict)} arrays")
    for variable in model.variables:
        if variable.path in values:
            variable.assign(values[variable.path])


def _by_plain_name(state_dict):
    plain, official = {}, official_names(state_dict)
    for name, value in state_dict.items():
        if name.endswith(_IGNORED):
            continue
        short = plain_name(official[name])
        if short in plain:
            raise InputError(
                "state_dict", f"must name each weight once; two names stand for {short}", name
            )
        plain[short] = np.asarray(value)
    return plain


def plain_name(name: str) -> str:
    """Returns a name without its wrappers: `base_model.layer1.0.conv1.net.weight` -> `layer1.0.conv1.weight`."""
    parts = [part for part in name.split(".") if part not in _WRAPPERS]
    return ".".join(["head", parts[-1]] if parts[0] in _HEADS else parts)


def _official_name(path: str) -> str | None:
    """`layer2_0_nl/g_0/kernel` -> `layer2.0.nl.g.0.weight`; None for what is no weight (a dropout's seed)."""
    *layers, parameter = path.split("/")
    name = ".".join(layers).replace("_", ".")
    return f"{name}.{_PARAMETER[parameter]}" if parameter in _PARAMETER else None


def _to_keras_layout(array, variable):
    if not variable.path.endswith("/kernel"):
        return array
    if len(variable.shape) == 2:  # linear, or a 1x1x1 convolution: [out, in, 1, 1, 1]
        return array.reshape(array.shape[:2]).T if array.size == np.prod(array.shape[:2]) else array
    if array.ndim != 4:
        return array
    depthwise = variable.shape[-1] == 1 and array.shape[1] == 1
    return array.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))


def infer_spec(state_dict: Mapping[str, np.ndarray], **overrides) -> ModelSpec:
    """Reads a spec off the names and shapes of an official checkpoint.

    Names without any shifted layer are a TSN's (`shift_mode` none); the published online checkpoints look the same
    and need `shift_mode="unidirectional"`.

    Args:
        state_dict: official names to arrays.
        **overrides: `ModelSpec` arguments that win over what was found.

    Raises:
        InputError: no backbone of this project has these names.
    """
    names = [name for name in state_dict if not name.endswith(_IGNORED)]
    official = official_names(names)
    shapes = {plain_name(official[name]): np.shape(state_dict[name]) for name in names}
    if "head.weight" not in shapes:
        raise InputError(
            "state_dict", f"must hold a classifier named one of {sorted(_HEADS)}", names[:5]
        )
    in_place = any(
        re.search(r"layer\d\.\d+\.net\.", name) and ".conv1.net" not in name for name in names
    )
    in_place = in_place and not any(".conv1.net." in name for name in names)
    shifted = in_place or any(re.search(r"conv\d?(\.0)?\.net\.", name) for name in names)
    backbone, width, stem = _infer_backbone(shapes)
    found = {
        "backbone": backbone,
        "width": width,
        "num_classes": shapes["head.weight"][0],
        "modality": {3: "rgb", 10: "flow"}.get(shapes[stem][1], f"{shapes[stem][1]} channels"),
        "shift_mode": "bidirectional" if shifted else "none",
        "shift_place": "block" if in_place else "blockres",
        "non_local": any(".nl." in name for name in names),
        "temporal_pool": any("layer2.net." in name for name in names),
        "dropout": 0.5
        if any("new_fc" in name for name in names)
        else 0.0,  # the official code adds new_fc with dropout
    }
    return ModelSpec.from_dict({**found, **overrides})


def _infer_backbone(shapes):
    """Returns the backbone, its width, and the name of its first convolution."""
    from tsm_tf.backbones import mobilenet_v2, resnet

    blocks = tuple(
        len({n.split(".")[1] for n in shapes if n.startswith(f"layer{s}.")}) for s in (1, 2, 3, 4)
    )
    kind = "bottleneck" if "layer1.0.conv3.weight" in shapes else "basic"
    for backbone, stages in resnet.STAGES.items():
        if stages == (kind, blocks) and "conv1.weight" in shapes:
            return backbone, 1.0, "conv1.weight"
    last = "features.17.conv.6.weight"
    for width in _WIDTHS if last in shapes else ():
        if shapes[last][0] == round_channels(mobilenet_v2.STAGES[-1][1] * width):
            return "mobilenet_v2", width, "features.0.0.weight"
    rule = "must be a ResNet's (conv1, layer1.0.conv1, ...) or a MobileNetV2's (features.0.0, ...)"
    raise InputError("state_dict", rule, sorted(shapes)[:5])
