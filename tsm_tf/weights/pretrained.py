"""Initial weights from image networks and from other clip models, matched by name."""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tsm_tf.catalogue import Architecture, find_architecture
from tsm_tf.errors import InputError, MissingFile, naming, one_line
from tsm_tf.models.clip import ClipModel, build_model
from tsm_tf.models.keras_network import application
from tsm_tf.models.network import CLASSIFIER, refresh
from tsm_tf.relations import AVERAGE
from tsm_tf.spec import ModelSpec
from tsm_tf.weights.checkpoint import load_checkpoint
from tsm_tf.weights.hdf5 import check_weights_file
from tsm_tf.weights.inflate import inflate
from tsm_tf.weights.keras_file import has_model, load_keras_model
from tsm_tf.weights.official import infer_spec, load_official_weights
from tsm_tf.weights.presets.load import resolve_checkpoint
from tsm_tf.weights.state_dicts import SUFFIXES, read_state_dict
from tsm_tf.weights.torchvision_files import FILES, download_imagenet

IMAGENET = "imagenet"
_SUFFIXES = (".keras", ".h5", *SUFFIXES)
_LISTED = 8  # mismatching weights that an error lists


def initial_weights(model: ClipModel, checkpoint: str) -> list[str]:
    """Initialises a clip model from a checkpoint, or `preset:NAME`, with the same backbone.

    A network of clips may also start from the 2D network that it extends: each kernel is repeated
    over time and divided by its new size (see `inflate`), and layers that the 2D network lacks stay
    new.

    A head for other classes stays new, and so do temporal relations for other classes or clips. A
    flow model may start from an RGB model as in TSN: each input channel of its first convolution
    gets the mean over the RGB channels (Wang et al. 2016, cross-modality pre-training).

    Returns:
        Paths of the weights that stay new.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: the checkpoint has another backbone.
    """
    with naming("init"):
        source = load_checkpoint(resolve_checkpoint(checkpoint))
    is_same = _classifier(source.spec) == _classifier(model.spec)
    keep = frozenset() if is_same else CLASSIFIER
    return transfer(source, model, model.spec, "init", checkpoint, keep)


def _classifier(spec: ModelSpec) -> tuple:
    """Returns what the weights of a classifier depend on."""
    length = None if spec.consensus == AVERAGE else spec.num_segments
    return spec.labels, spec.consensus, length


def pretrained_weights(model: ClipModel, weights: str) -> list[str]:
    """Initialises a clip model from an image network, as in the paper (section 5.1.1).

    The head stays new. The first convolution of a flow model, and the kernels of a network of
    clips, are initialised as in `initial_weights`.

    Args:
        model: from `build_model`.
        weights: `"imagenet"`, which is downloaded, for `keras:NAME` from Keras and for others from
            torchvision; or a file with a whole model (`.keras`, `.h5`) that has the backbone's
            layers by name, with its weights (`.weights.h5`, `.h5`), or with official weights as
            `load_official_weights` takes them (`.pth`, `.safetensors`, ...).

    Returns:
        Paths of the weights that stay new.

    Raises:
        MissingFile: there is no such file.
        InputError: the weights are those of another network, or cannot be downloaded.
    """
    spec = model.spec
    if spec.modality == "flow":  # image networks take RGB
        spec = spec.replace(modality="rgb", mean=None, std=None, channel_order=None)
    source = image_network(spec, weights)
    return transfer(source, model, model.spec, "weights", weights, CLASSIFIER)


def image_network(spec: ModelSpec, weights: str) -> keras.Model:
    """Returns a network with weights; arguments and errors are those of `pretrained_weights`.

    Args:
        spec: describes the network that will take them.
        weights: see `pretrained_weights`.
    """
    if weights == IMAGENET:
        return _imagenet(spec)
    if not weights.endswith(_SUFFIXES):
        rule = f"must be {IMAGENET} or a file with weights ({', '.join(_SUFFIXES)})"
        raise InputError("weights", rule, weights)
    if not pathlib.Path(weights).is_file():
        raise MissingFile("weights", f"must be {IMAGENET} or an existing file", weights)
    return _read(pathlib.Path(weights), spec)


def _imagenet(spec: ModelSpec) -> keras.Model:
    architecture = find_architecture(spec.backbone)
    published = sorted({spec.backbone, *architecture.starts_from} & set(FILES))
    if not architecture.has_imagenet_weights and not published:
        if architecture.takes == "clips":
            raise InputError("weights", _start_rule(architecture), IMAGENET)
        rule = f"must be a file for {spec.backbone}, because there are no weights for it"
        raise InputError("weights", rule, IMAGENET)
    try:
        if published:
            return _official(download_imagenet(published[0]))
        source = application(spec, weights=IMAGENET)
    except InputError:
        raise
    except ValueError as error:  # there are none for this width or network
        rule = f"must be a file for this network ({one_line(error)})"
        raise InputError("weights", rule, IMAGENET) from error
    except Exception as error:
        rule = (
            "must be a file if Keras cannot download; pass its path, or copy it to ~/.keras/models "
            f"({one_line(error)})"
        )
        raise InputError("weights", rule, IMAGENET) from error

    # EfficientNet B0 to B7 have one more rescaling with these weights than without.
    fresh = application(spec)
    if len(_layers(source, keras.layers.Rescaling)) > len(_layers(fresh, keras.layers.Rescaling)):
        _fold_last_rescaling(source)
    return source


def _layers(model: keras.Model, kind: type) -> list:
    return [layer for layer in model.layers if isinstance(layer, kind)]


def _fold_last_rescaling(model: keras.Model) -> None:
    """Makes the normalisation's variance include the rescaling that follows it."""
    (normalization,) = _layers(model, keras.layers.Normalization)
    scale = np.array(_layers(model, keras.layers.Rescaling)[-1].scale)
    variance = keras.ops.convert_to_numpy(normalization.adapt_variance)
    normalization.adapt_variance.assign(variance / scale**2)


def _official(path: pathlib.Path) -> ClipModel:
    """Reads official weights into the network that they belong to."""
    with naming("weights"):
        state_dict = read_state_dict(path)
        source = build_model(infer_spec(state_dict))
        load_official_weights(source, state_dict)
    return source


def _read(path: pathlib.Path, spec: ModelSpec) -> keras.Model:
    """Reads a whole model, or weights for the network of `keras.applications` in the spec."""
    if path.name.endswith(SUFFIXES):
        return _official(path)
    if path.name.endswith(".keras"):
        return load_keras_model(path, "weights")
    check_weights_file(path, "weights")
    if not path.name.endswith(".weights.h5") and has_model(path):
        return load_keras_model(path, "weights")
    if not find_architecture(spec.backbone).has_imagenet_weights:
        rule = "must be a whole model, or have a backbone keras:NAME for a file with weights alone"
        raise InputError("weights", rule, str(path))

    problems = []
    for include_top in (False, True):
        source = application(spec, include_top=include_top)
        try:
            source.load_weights(path)
            return source
        except Exception as error:  # Keras raises many kinds for the weights of other networks
            problems.append(one_line(error))
    rule = f"must be a Keras model, or the weights of {spec.backbone} ({problems[0]})"
    raise InputError("weights", rule, str(path))


def transfer(
    source: keras.Model,
    model: keras.Model,
    spec: ModelSpec,
    argument: str,
    name: str,
    keep: frozenset[str],
) -> list[str]:
    """Copies all weights from variables with the same paths, except of the layers in `keep`.

    Args:
        source: the model with the weights.
        model: the model that gets them.
        spec: describes its network.
        argument: names the source in errors.
        name: what was given for it.
        keep: names of layers that stay new.

    Returns:
        Paths of the weights that stay new.

    Raises:
        InputError: the source lacks weights, or has others.
    """
    _check_start(source, spec, argument, name)
    values = {_path(v): keras.ops.convert_to_numpy(v) for v in source.variables}
    kept = [v.path for v in model.variables if _is_in(v, keep)]
    targets = [v for v in model.variables if not _is_in(v, keep) and "seed" not in v.path]
    for variable in targets:
        if _path(variable) in values:
            values[_path(variable)] = _fit(values[_path(variable)], variable, spec)

    if _is_start(source, spec) and any(_path(v) in values for v in targets):
        kept += [v.path for v in targets if _is_new(v, values)]
        targets = [v for v in targets if not _is_new(v, values)]
    wrong = [v.path for v in targets if _path(v) not in values or values[_path(v)].shape != v.shape]
    if wrong:
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        rule = (
            f"must hold the weights of {spec.backbone} by name; "
            f"missing or of another shape: {', '.join(wrong[:_LISTED])}{more}"
        )
        raise InputError(argument, rule, name)

    for variable in targets:
        variable.assign(values[_path(variable)])
    refresh(model)
    return kept


def _check_start(source: keras.Model, spec: ModelSpec, argument: str, name: str) -> None:
    """Raises if a network of clips is not inflated from the network of frames in the source."""
    architecture = find_architecture(spec.backbone)
    if (
        not isinstance(source, ClipModel)
        or source.spec.takes_clips
        or architecture.takes != "clips"
    ):
        return
    if source.spec.backbone not in architecture.starts_from:
        received = f"{source.spec.backbone} from {name}"
        raise InputError(argument, _start_rule(architecture), received)


def _start_rule(architecture: Architecture) -> str:
    rule = f"must hold the weights of {architecture.name} itself"
    if architecture.starts_from:
        return f"{rule}, or of {', '.join(sorted(architecture.starts_from))}"
    return f"{rule}, which is trained from scratch and not inflated from a 2D network"


def _is_start(source: keras.Model, spec: ModelSpec) -> bool:
    """Returns whether the source is another network, which a model may start from.

    Of a model from Keras, only the names of its layers are known.
    """
    others = find_architecture(spec.backbone).starts_from
    return source.spec.backbone in others if isinstance(source, ClipModel) else bool(others)


def _is_new(variable: Any, values: Mapping[str, np.ndarray]) -> bool:
    """Returns whether another network lacks a variable, or has a head for other features."""
    value = values.get(_path(variable))
    return value is None or (_is_in(variable, CLASSIFIER) and value.shape != variable.shape)


def _is_in(variable: Any, layers: frozenset[str]) -> bool:
    return variable.path.split("/")[0] in layers


def _fit(value: np.ndarray, variable: Any, spec: ModelSpec) -> np.ndarray:
    """Returns a kernel inflated over time, and spread over the channels of flow, if needed."""
    if value.ndim == 4 and len(variable.shape) == 5:
        value = inflate(value, variable.shape[0])
    is_rgb = value.ndim >= 4 and value.shape[-2] == 3 and spec.modality != "rgb"
    if is_rgb and variable.shape[-2] == spec.channels:
        return np.repeat(value.mean(axis=-2, keepdims=True), spec.channels, axis=-2)
    return value


def _path(variable: Any) -> str:
    """Returns a variable's path; Keras numbers EfficientNet's normalisations within a process."""
    return re.sub(r"^normalization_\d+/", "normalization/", variable.path)
