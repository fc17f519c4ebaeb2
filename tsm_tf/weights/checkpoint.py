"""Checkpoint folders: `spec.json` describes the model, `model.weights.h5` holds its weights."""

import errno
import os
import pathlib
import shutil

import keras

from tsm_tf.errors import InputError, MissingFile
from tsm_tf.files import replacing, write_text
from tsm_tf.models.clip import ClipModel, build_model
from tsm_tf.spec import ModelSpec

SPEC_FILE = "spec.json"
WEIGHTS_FILE = "model.weights.h5"
BEST = "best"
_OVERHEAD = 4096  # an upper bound for the bytes that a variable takes in the file beside its values


def save_checkpoint(model: ClipModel, directory: str | os.PathLike) -> None:
    """Writes a clip model's spec and weights; both files are replaced atomically.

    Args:
        model: from `build_model`, `load_checkpoint` or `retrofit`.
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
    model = build_model(load_spec(directory), preprocess, per_frame)
    try:
        keras.Model(model.inputs, model.outputs).load_weights(directory / WEIGHTS_FILE)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        rule = f"must hold the weights for its {SPEC_FILE} in {WEIGHTS_FILE} ({reason})"
        raise InputError("checkpoint", rule, str(directory)) from error
    return model


def load_spec(directory: str | os.PathLike) -> ModelSpec:
    """Returns the spec of a checkpoint folder without loading its weights."""
    return ModelSpec.from_json((find_checkpoint(directory) / SPEC_FILE).read_text(encoding="utf-8"))


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


def _check_room(model: ClipModel, directory: pathlib.Path) -> None:
    """Raises before HDF5 runs out of space half-way, when it cannot close its file any more."""
    size = 4 * model.count_params() + _OVERHEAD * len(model.weights)
    if shutil.disk_usage(directory).free < size:
        raise OSError(errno.ENOSPC, f"no room for {size:,} bytes", str(directory))
