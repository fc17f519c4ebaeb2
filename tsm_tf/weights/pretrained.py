"""Pretrained starts: weights of image networks and of other clip models, matched by name."""

import pathlib
import re

import keras
import numpy as np

from tsm_tf.errors import InputError
from tsm_tf.models.network import HEAD, application, refresh
from tsm_tf.weights.checkpoint import load_checkpoint

IMAGENET = "imagenet"
_SUFFIXES = (".keras", ".h5")


def initial_weights(model: keras.Model, checkpoint: str) -> list[str]:
    """Starts a clip model from a checkpoint of the same backbone; a head of other classes stays new.

    A flow model may start from an RGB one as TSN does: each of its first convolution's input channels gets the mean
    over the RGB ones (Wang et al. 2016, cross-modality pre-training).

    Returns:
        The weights that stay as they are.

    Raises:
        FileNotFoundError, InputError: no checkpoint there, or one of another backbone.
    """
    source = load_checkpoint(checkpoint, argument="init")
    if source.spec.labels != model.spec.labels:
        return _transfer(source, model, "init", checkpoint, keep=HEAD)
    return _transfer(source, model, "init", checkpoint)


def pretrained_weights(model: keras.Model, weights: str) -> list[str]:
    """Starts a clip model from an image network's weights, as the paper does (section 5.1.1); its head stays new.

    Args:
        model: a model of `build_model`.
        weights: `"imagenet"`, which Keras downloads, for a backbone `keras:NAME`; or a file: a whole model (`.keras`,
            `.h5`) with the backbone's layers by name, or its weights (`.weights.h5`, `.h5`).

    Returns:
        The weights that stay as they are.

    Raises:
        FileNotFoundError, InputError: no such file; of another network; nothing to download from.
    """
    if weights == IMAGENET:
        source = _imagenet(model.spec)
    elif not weights.endswith(_SUFFIXES):
        raise InputError(
            "weights", f"must be {IMAGENET} or a file of Keras ({', '.join(_SUFFIXES)})", weights
        )
    elif not pathlib.Path(weights).is_file():
        raise FileNotFoundError(f"`weights` must be {IMAGENET} or a file: {weights}")
    else:
        source = _read(weights, model.spec)
    return _transfer(source, model, "weights", weights, keep=HEAD)


def _imagenet(spec):
    if not spec.backbone.startswith("keras:"):
        raise InputError(
            "weights",
            f"must be a file for {spec.backbone}: Keras has none of its weights",
            IMAGENET,
        )
    try:
        source = application(spec, weights=IMAGENET)
    except ValueError as error:  # no such width, or none for this network
        raise InputError(
            "weights", f"must be a file here ({str(error).splitlines()[0]})", IMAGENET
        ) from error
    except Exception as error:
        rule = "must be a file where Keras cannot download; put that file into ~/.keras/models, or name it"
        raise InputError("weights", f"{rule} ({str(error).splitlines()[0]})", IMAGENET) from error
    if len(_layers(source, keras.layers.Rescaling)) > len(
        _layers(application(spec), keras.layers.Rescaling)
    ):
        _fold_last_rescaling(
            source
        )  # EfficientNet B0 to B7 have one more with these weights than without
    return source


def _layers(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def _fold_last_rescaling(model):
    """Makes the variance of the normalisation do what the rescaling behind it does."""
    (normalization,) = _layers(model, keras.layers.Normalization)
    scale = np.array(_layers(model, keras.layers.Rescaling)[-1].scale)
    normalization.adapt_variance.assign(
        keras.ops.convert_to_numpy(normalization.adapt_variance) / scale**2
    )


def _read(path, spec):
    attempts = []
    if not path.endswith(".weights.h5"):
        attempts.append(lambda: keras.saving.load_model(path, compile=False))
    if path.endswith(".h5") and spec.backbone.startswith("keras:"):
        attempts += [
            lambda top=top: _with_weights(application(spec, include_top=top), path)
            for top in (False, True)
        ]
    problems = ["weights alone need a backbone keras:NAME"] if not attempts else []
    for attempt in attempts:
        try:
            return attempt()
        except (
            Exception
        ) as error:  # whatever Keras and its readers raise at a file that is none of theirs
            problems.append(str(error).splitlines()[0])
    raise InputError(
        "weights", f"must be a Keras model, or the weights of {spec.backbone} ({problems[0]})", path
    )


def _with_weights(model, path):
    model.load_weights(path)
    return model


def _transfer(source, model, argument, name, keep=None):
    """Copies every weight of a model from the one of the same path; `keep` names the layer that needs none."""
    values = {_path(v): keras.ops.convert_to_numpy(v) for v in source.variables}
    kept = [v for v in model.variables if v.path.split("/")[0] == keep]
    targets = [v for v in model.variables if v.path.split("/")[0] != keep and "seed" not in v.path]
    for variable in targets if model.spec.modality == "flow" else []:
        if _path(variable) in values:
            values[_path(variable)] = _over_channels(
                values[_path(variable)], variable.shape, model.spec.channels
            )
    wrong = [v.path for v in targets if _path(v) not in values or values[_path(v)].shape != v.shape]
    if wrong:
        listed = ", ".join(wrong[:8]) + (f" and {len(wrong) - 8} more" if len(wrong) > 8 else "")
        rule = f"must hold the weights of {model.spec.backbone} by name; missing or of another shape: {listed}"
        raise InputError(argument, rule, name)
    for variable in targets:
        variable.assign(values[_path(variable)])
    refresh(model)
    return [v.path for v in kept]


def _over_channels(value, shape, channels):
    """Returns a kernel `[h, w, 3, f]` of RGB as one of other input channels; anything else as it is."""
    if value.ndim != 4 or value.shape[2] != 3 or shape[2] != channels:
        return value
    return np.repeat(value.mean(axis=2, keepdims=True), channels, axis=2)


def _path(variable):
    """A variable's path; Keras numbers EfficientNet's normalisation by how many it has made."""
    return re.sub(r"^normalization_\d+/", "normalization/", variable.path)
