"""Checkpoint folders: `spec.json` describes the model, `model.weights.h5` holds its weights."""

import errno
import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import h5py
import keras
import numpy as np

from tsm_tf.errors import InputError, MissingFile, one_line
from tsm_tf.files import replacing, write_text
from tsm_tf.keras_internals import limited_weights
from tsm_tf.models.clip import ClipModel, build_model
from tsm_tf.spec import ModelSpec
from tsm_tf.weights.file_kinds import check_content
from tsm_tf.weights.hdf5 import check_weights_file

SPEC_FILE = "spec.json"
WEIGHTS_FILE = "model.weights.h5"
BEST = "best"
_FROZEN = "frozen_layers"
_MAX_SPEC = 32 << 20  # bytes; a network with 1000 layers takes 1 MB
_OVERHEAD = 4096  # an upper bound for the bytes that a variable takes in the file beside its values


Built = TypeVar("Built", bound=keras.Model)


class _Spec(Protocol):
    def to_json(self) -> str: ...


class SpecifiedModel(Protocol):
    """A functional model that knows its spec: a clip model or a detector."""

    inputs: Any
    outputs: Any
    layers: Any
    weights: Any

    @property
    def spec(self) -> _Spec: ...

    def count_params(self) -> int: ...


def save_checkpoint(model: SpecifiedModel, directory: str | os.PathLike) -> None:
    """Writes a model's spec and weights; both files are replaced atomically.

    The names of layers that are not trainable are written with the weights.

    Args:
        model: from `build_model`, `load_checkpoint` or `retrofit`; or a detector.
        directory: created if it does not exist; a checkpoint in it is replaced, other files stay.

    Raises:
        OSError: it cannot be written; an existing checkpoint is unchanged.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    _check_room(model, directory)
    without_optimizer = keras.Model(model.inputs, model.outputs)

    with replacing(directory / WEIGHTS_FILE) as weights:
        try:
            without_optimizer.save_weights(weights)
            _write_frozen(model, weights)
        except (OSError, RuntimeError) as error:  # from HDF5, when the disk is full
            raise OSError(str(error).splitlines()[-1]) from error
        write_text(directory / SPEC_FILE, model.spec.to_json() + "\n")


def load_checkpoint(
    directory: str | os.PathLike,
    preprocess: bool = True,
    per_frame: bool = False,
) -> ClipModel:
    """Returns the clip model of a checkpoint folder.

    Args:
        directory: the folder, or that of a training run.
        preprocess: see `build_model`.
        per_frame: see `build_model`.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: the spec cannot be built, or the weights do not match it.
    """
    directory = find_checkpoint(directory)
    spec = load_spec(directory)
    return load_weights(directory, lambda: build_model(spec, preprocess, per_frame))


def load_weights(directory: pathlib.Path, build: Callable[[], Built]) -> Built:
    """Returns the model that `build` makes, with the weights of a checkpoint folder.

    Raises:
        InputError: the model cannot be built, or the weights do not match it.
    """
    weights = directory / WEIGHTS_FILE
    count = check_weights_file(weights, "checkpoint")
    try:
        with limited_weights(count, "checkpoint", zeros=True):
            model = build()
        keras.Model(model.inputs, model.outputs).load_weights(weights)
        _read_frozen(model, weights)
    except InputError:
        raise
    except Exception as error:  # Keras raises many kinds when the two do not match
        reason = one_line(error)
        rule = f"must hold the weights for its {SPEC_FILE} in {WEIGHTS_FILE} ({reason})"
        raise InputError("checkpoint", rule, str(directory)) from error
    return model


def load_spec(directory: str | os.PathLike) -> ModelSpec:
    """Returns the spec of a checkpoint folder without loading its weights.

    Raises:
        InputError: it is that of a detector, or cannot be built.
    """
    return ModelSpec.from_json(read_spec(find_checkpoint(directory)))


def read_spec(directory: pathlib.Path) -> str:
    """Returns the JSON of the spec in a checkpoint folder.

    Raises:
        InputError: the file is too large, no regular file, or not UTF-8.
    """
    path = directory / SPEC_FILE
    if path.stat().st_size > _MAX_SPEC:
        rule = f"must have a {SPEC_FILE} of at most {_MAX_SPEC:,} bytes"
        raise InputError("checkpoint", rule, f"{path.stat().st_size:,} bytes in {path}")
    check_content(path, "checkpoint")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("checkpoint", f"must have a {SPEC_FILE} in UTF-8", str(path)) from error


def find_checkpoint(directory: str | os.PathLike) -> pathlib.Path:
    """Returns the folder with the checkpoint: `directory`, or `best/` in that of a training run.

    Raises:
        MissingFile: neither of them has one.
    """
    directory = pathlib.Path(directory)
    for candidate in (directory, directory / BEST):
        if (candidate / SPEC_FILE).is_file() and (candidate / WEIGHTS_FILE).is_file():
            return candidate
    rule = f"must be a folder with {SPEC_FILE} and {WEIGHTS_FILE}"
    raise MissingFile("checkpoint", rule, str(directory))


def _write_frozen(model: SpecifiedModel, weights: pathlib.Path):
    """Adds the names of the frozen layers to a weights file, as a data set that Keras ignores."""
    names = [layer.name for layer in model.layers if not layer.trainable]
    with h5py.File(weights, "a") as file:
        file[_FROZEN] = np.frombuffer(json.dumps(names).encode(), np.uint8)


def _read_frozen(model: keras.Model, weights: pathlib.Path):
    """Freezes the layers that were frozen; files of older versions do not say which."""
    with h5py.File(weights, "r") as file:
        if _FROZEN not in file:
            return
        names = json.loads(bytes(np.array(file[_FROZEN], np.uint8)))
    for layer in model.layers:
        if layer.trainable != (layer.name not in names):
            layer.trainable = not layer.trainable


def _check_room(model: SpecifiedModel, directory: pathlib.Path) -> None:
    """Raises before HDF5 runs out of space half-way, when it cannot close its file any more."""
    size = 4 * model.count_params() + _OVERHEAD * len(model.weights)
    if shutil.disk_usage(directory).free < size:
        raise OSError(errno.ENOSPC, f"no room for {size:,} bytes", str(directory))
