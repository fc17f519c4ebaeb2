"""Loads the original implementation's PyTorch weights, and infers the spec that they belong to."""

import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from tsm_tf.catalogue import ARCHITECTURES, find_architecture
from tsm_tf.errors import InputError
from tsm_tf.layers.relation import FRAME_FEATURES
from tsm_tf.relations import TRN, TRN_MULTISCALE
from tsm_tf.spec import CHANNELS, ModelSpec
from tsm_tf.weights.image_names import official_names

# What DataParallel, TSN, TemporalShift or TemporalPool, and the non-local block add to names.
_WRAPPERS = {"module", "base_model", "net", "block"}
_HEADS = {"new_fc", "fc", "fc_final", "classifier"}
_EXTENDED_FLOATS = ("bfloat16", "float8_e4m3fn", "float8_e5m2")  # from ml_dtypes
_IGNORED = "num_batches_tracked"
_OPTIONAL_BIAS = ".nl.W.0.bias"  # MMAction2's non-local blocks lack the original's
_PARAMETER = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "filter_weight": "filter_weight",
}
# TemporalShift wraps the first convolution of a residual branch (`conv1.net`, `conv.0.net`), or the
# whole block (`layer1.0.net`).
_SHIFTED_CONVOLUTION = re.compile(r"conv\d?(\.0)?\.net\.")
_SHIFTED_BLOCK = re.compile(r"layer\d\.\d+\.net\.")


def load_official_weights(model: keras.Model, state_dict: Mapping[str, np.ndarray]) -> None:
    """Loads the original implementation's weights into a clip model, or a model with its layers.

    Args:
        model: from `build_model`.
        state_dict: official names to arrays in PyTorch's layout, such as
            `base_model.layer1.0.conv1.net.weight`, with or without `module.`; the head is `new_fc`,
            `fc` or `classifier`. Names of ResNets and MobileNetV2 in torchvision, timm and
            MMAction2 work too, also behind the prefixes of Lightning and `torch.compile`.

    Raises:
        InputError: names are missing or unexpected, or shapes differ; all of them are listed, and
            the model is unchanged.
    """
    arrays = _by_plain_name(state_dict)
    problems, values = [], {}
    for variable in model.variables:
        name = _official_name(variable.path)
        if name is None:
            continue
        if name not in arrays and name.endswith(_OPTIONAL_BIAS):
            arrays[name] = np.zeros(variable.shape, np.float32)
        if name not in arrays:
            problems.append(f"missing {name}")
            continue
        value = _to_keras_layout(arrays.pop(name), variable)
        shape = tuple(variable.shape)
        if value.shape != shape:
            problems.append(f"misshaped {name} (Keras needs {shape}, the file has {value.shape})")
        values[variable.path] = value

    problems += [f"unexpected {name}" for name in arrays]
    if problems:
        rule = f"must match each weight of {model.name} by name and shape; {'; '.join(problems)}"
        raise InputError("state_dict", rule, f"{len(state_dict)} arrays")

    for variable in model.variables:
        if variable.path in values:
            variable.assign(values[variable.path])


def _by_plain_name(state_dict: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    _check_names(state_dict)
    plain, official = {}, official_names(state_dict)
    for name, value in state_dict.items():
        if name.endswith(_IGNORED):
            continue
        short = _with_dots(plain_name(official[name]))
        if short in plain:
            rule = f"must name each weight once; two names stand for {short}"
            raise InputError("state_dict", rule, name)
        plain[short] = _to_array(name, value)
    return plain


def _check_names(state_dict: Any):
    if not isinstance(state_dict, Mapping) or not all(isinstance(x, str) for x in state_dict):
        rule = "must map names to arrays; a module gives that with module.state_dict()"
        raise InputError("state_dict", rule, type(state_dict).__name__)


def _to_array(name: str, value: Any) -> np.ndarray:
    """Converts what a state dict may hold: arrays, numbers, tensors, parameters."""
    if hasattr(value, "detach"):  # from PyTorch, on any device
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    array = np.asarray(value)
    if array.dtype.name in _EXTENDED_FLOATS:
        return array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        rule = f"must hold arrays of numbers; {name} is none"
        raise InputError("state_dict", rule, type(value).__name__)
    return array


def plain_name(name: str) -> str:
    """Returns a name without wrappers: `base_model.layer1.0.conv1.net.weight` becomes
    `layer1.0.conv1.weight`."""
    parts = [part for part in name.split(".") if part not in _WRAPPERS]
    return ".".join(["head", parts[-1]] if parts[0] in _HEADS else parts)


def _official_name(path: str) -> str | None:
    """Returns `layer2.0.nl.g.0.weight` for `layer2_0_nl/g_0/kernel`, None for other variables."""
    *layers, parameter = path.split("/")
    name = ".".join(layers)
    return _with_dots(f"{name}.{_PARAMETER[parameter]}") if parameter in _PARAMETER else None


def _with_dots(name: str) -> str:
    """Returns `inception.3a.1x1.weight` for `inception_3a_1x1.weight`: layers of Keras have names
    without dots, so the two are not told apart."""
    layer, _, parameter = name.rpartition(".")
    return f"{layer.replace('_', '.')}.{parameter}"


def _to_keras_layout(array: np.ndarray, variable: Any) -> np.ndarray:
    if not variable.path.endswith("/kernel"):
        # Batch norms of TRN's first checkpoints have the shape [1, C].
        is_row = array.ndim == 2 and len(array) == len(variable.shape) == 1
        return array[0] if is_row else array
    if len(variable.shape) == 2:  # linear, or a 1x1x1 convolution: [out, in, 1, 1, 1]
        is_matrix = array.size == np.prod(array.shape[:2])
        return array.reshape(array.shape[:2]).T if is_matrix else array
    if array.ndim == 5:
        return array.transpose((2, 3, 4, 1, 0))
    if array.ndim != 4:
        return array
    is_depthwise = variable.shape[-1] == 1 and array.shape[1] == 1
    return array.transpose((2, 3, 0, 1) if is_depthwise else (2, 3, 1, 0))


def infer_spec(state_dict: Mapping[str, np.ndarray], **overrides: Any) -> ModelSpec:
    """Infers a spec from the names and shapes in an official checkpoint.

    Without any shifted layer in the names, the model is a TSN (`shift_mode` none). The published
    online checkpoints look the same; for them pass `shift_mode="unidirectional"`.

    Args:
        state_dict: official names to arrays.
        **overrides: fields of `ModelSpec` that replace inferred ones.

    Raises:
        InputError: the names are those of no backbone in the catalogue.
    """
    _check_names(state_dict)
    names = [name for name in state_dict if not name.endswith(_IGNORED)]
    official = official_names(names)
    shapes = {plain_name(official[name]): np.shape(state_dict[name]) for name in names}
    if not shapes.get("head.weight"):
        rule = f"must hold a classifier named one of {sorted(_HEADS)}"
        raise InputError("state_dict", rule, names[:5])

    found = _infer_backbone(shapes)
    channels = found.pop("channels")
    modalities = {count: modality for modality, count in CHANNELS.items()}
    has_shifted_convolution = any(_SHIFTED_CONVOLUTION.search(name) for name in official.values())
    has_shifted_block = any(_SHIFTED_BLOCK.search(name) for name in official.values())
    is_in_place = has_shifted_block and not has_shifted_convolution
    has_new_head = any(
        "new_fc" in name for name in official.values()
    )  # which the original adds with dropout

    inferred = {
        "num_classes": shapes["head.weight"][0],
        "modality": modalities.get(channels, f"{channels} channels"),
        "shift_mode": "bidirectional" if has_shifted_convolution or is_in_place else "none",
        "shift_place": "block" if is_in_place else "blockres",
        "non_local": any(".nl." in name for name in official.values()),
        "temporal_pool": any("layer2.net." in name for name in official.values()),
        "dropout": 0.5 if has_new_head else 0.0,
    }
    _check_frames(found, overrides.get("num_segments"))
    return ModelSpec.from_dict({**inferred, **found, **_infer_relations(shapes), **overrides})


def _infer_relations(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Returns the fields that TRN-pytorch's consensus determines; none for another network."""
    single, multiple = "consensus.classifier", "consensus.fc_fusion_scales"
    for consensus, first in ((TRN, single), (TRN_MULTISCALE, f"{multiple}.0")):
        hidden, logits = (shapes.get(f"{first}.{i}.weight", ()) for i in (1, 3))
        if len(hidden) == len(logits) == 2:
            return {
                "consensus": consensus,
                "num_segments": hidden[1] // FRAME_FEATURES,
                "num_classes": logits[0],
                "dropout": 0.8,  # the original's default
            }
    return {}


def _check_frames(found: Mapping[str, Any], num_segments: int | None):
    has_other = num_segments not in (None, found.get("num_segments"))
    if has_other and find_architecture(found["backbone"]).has_filters_per_frame:
        rule = f"must be {found['num_segments']}, for whose frames there are filters in the file"
        raise InputError("num_segments", rule, num_segments)


def _infer_backbone(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Asks each backbone's module whether the weights are its own."""
    known: dict[Callable, list[str]] = {}
    for row in sorted(ARCHITECTURES.values(), key=lambda row: row.builder):
        module = importlib.import_module(row.builder.partition(":")[0])
        infer = getattr(module, "infer_backbone", None)
        if infer and not row.same_weights_as:
            known.setdefault(infer, []).append(row.name)

    for infer in known:
        try:
            found = infer(shapes)
        except (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
            continue  # other shapes than a network with these names has
        if found:
            return found
    names = ", ".join(name for backbones in known.values() for name in backbones)
    rule = f"must have the names and shapes of one of these networks: {names}"
    raise InputError("state_dict", rule, sorted(shapes)[:5])
