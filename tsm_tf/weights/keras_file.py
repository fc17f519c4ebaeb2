"""Loads whole models of Keras (`.keras`, `.h5`) without Keras' own deserialiser of files.

The description of the model goes through `model_from_json`, and the weights through
`check_weights_file`. Compiled losses, optimizers and assets are not read.
"""

import pathlib
import shutil
import tempfile

import h5py
import keras

from tsm_tf.errors import InputError, one_line
from tsm_tf.models.keras_json import MAX_BYTES, model_from_json
from tsm_tf.weights.archives import open_zip
from tsm_tf.weights.file_kinds import check_content
from tsm_tf.weights.hdf5 import check_weights_file

_DESCRIPTION = "config.json"
_WEIGHTS = "model.weights.h5"
_ATTRIBUTE = "model_config"


def load_keras_model(path: pathlib.Path, argument: str) -> keras.Model:
    """Loads a functional or sequential model from a `.keras` or whole-model `.h5` file.

    Raises:
        InputError: another kind of file, a damaged file, or one that is not allowed.
    """
    load = _load_zip if path.name.endswith(".keras") else _load_hdf5
    try:
        return load(path, argument)
    except InputError:
        raise
    except Exception as error:  # Keras, HDF5 and zipfile raise many kinds for damaged files
        rule = f"must be a whole Keras model ({one_line(error)})"
        raise InputError(argument, rule, str(path)) from error


def has_model(path: pathlib.Path) -> bool:
    """Returns whether a checked `.h5` file holds a whole model, and not weights alone."""
    with h5py.File(path, "r") as file:
        return _ATTRIBUTE in file.attrs


def _load_hdf5(path: pathlib.Path, argument: str) -> keras.Model:
    count = check_weights_file(path, argument)
    with h5py.File(path, "r") as file:
        text = file.attrs[_ATTRIBUTE]
    text = text.decode() if isinstance(text, bytes) else str(text)
    return _with_weights(text, path, count, argument)


def _load_zip(path: pathlib.Path, argument: str) -> keras.Model:
    check_content(path, argument)
    with tempfile.TemporaryDirectory() as folder, open_zip(path, argument) as archive:
        description = archive.getinfo(_DESCRIPTION)
        if description.file_size > MAX_BYTES:
            rule = f"must describe its model in at most {MAX_BYTES:,} bytes"
            raise InputError(argument, rule, description.file_size)
        text = archive.read(description).decode()

        weights = pathlib.Path(folder, _WEIGHTS)
        with archive.open(_WEIGHTS) as source, weights.open("wb") as target:
            shutil.copyfileobj(source, target)
        try:
            count = check_weights_file(weights, argument)
        except InputError as error:
            inside = str(error.received).replace(str(weights), f"{_WEIGHTS} in {path}")
            raise InputError(argument, error.rule, inside) from error
        return _with_weights(text, weights, count, argument)


def _with_weights(text: str, weights: pathlib.Path, count: int, argument: str) -> keras.Model:
    model = model_from_json(text, argument, max_weights=count)
    model.load_weights(weights)
    return model
