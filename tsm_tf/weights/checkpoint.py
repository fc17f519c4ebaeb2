"""Checkpoint folders: `spec.json` says what the model is, `model.weights.h5` holds its weights."""

import errno
import os
import pathlib
import shutil

import keras

from tsm_tf.errors import InputError
from tsm_tf.models.clip import build_model
from tsm_tf.spec import ModelSpec

SPEC_FILE = "spec.json"
WEIGHTS_FILE = "model.weights.h5"
BEST = "best"
_OVERHEAD = 4096  # bytes of a variable in the file, at most, that are not its values


def save_checkpoint(model: keras.Model, directory: str | os.PathLike) -> None:
    """Writes a clip model's spec and weights; a reader, or a kill half-way, never meets a half-written file.

    Args:
        model: a model of `build_model`.
        directory: made where it does not exist; a checkpoint in it is replaced, other files stay.

    Raises:
        OSError: it cannot be written; a checkpoint that was there stays.
    """
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    temporary_weights = directory / f".writing.{WEIGHTS_FILE}"
    temporary_spec = directory / f".writing.{SPEC_FILE}"
    size = 4 * model.count_params() + _OVERHEAD * len(model.weights)
    if (
        shutil.disk_usage(directory).free < size
    ):  # HDF5 finds out half-way, and cannot close its file then
        raise OSError(errno.ENOSPC, f"no room for {size:,} bytes", str(directory))
    try:
        keras.Model(model.inputs, model.outputs).save_weights(
            temporary_weights
        )  # without a training's optimizer
    except (
        OSError,
        RuntimeError,
    ) as error:  # HDF5's, if room is gone in the meantime, or files must not grow
        temporary_weights.unlink(missing_ok=True)
        raise OSError(str(error).splitlines()[-1]) from error
    temporary_spec.write_text(model.spec.to_json() + "\n", encoding="utf-8")
    os.replace(temporary_spec, directory / SPEC_FILE)
    os.replace(temporary_weights, directory / WEIGHTS_FILE)


def load_checkpoint(
    directory: str | os.PathLike,
    preprocess: bool = True,
    per_frame: bool = False,
    argument: str = "checkpoint",
) -> keras.Model:
    """Returns the clip model of a checkpoint folder; see `build_model` for `preprocess` and `per_frame`.

    Args:
        directory: the folder, or that of a training run.
        preprocess, per_frame: of the model.
        argument: what errors call the folder.

    Raises:
        FileNotFoundError: no checkpoint there.
        InputError: a spec that cannot be built, or weights that are not this spec's.
    """
    directory = find_checkpoint(directory, argument)
    model = build_model(load_spec(directory), preprocess, per_frame)
    try:
        model.load_weights(directory / WEIGHTS_FILE)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        rule = f"must hold the weights of its {SPEC_FILE} in {WEIGHTS_FILE} ({reason})"
        raise InputError(argument, rule, str(directory)) from error
    return model


def load_spec(directory: str | os.PathLike) -> ModelSpec:
    """Returns the spec of a checkpoint folder without loading its weights."""
    return ModelSpec.from_json((find_checkpoint(directory) / SPEC_FILE).read_text(encoding="utf-8"))


def find_checkpoint(directory: str | os.PathLike, argument: str = "checkpoint") -> pathlib.Path:
    """Returns the folder that holds the checkpoint: `directory`, or `best/` of a training run's folder.

    Raises:
        FileNotFoundError: neither of them holds one.
    """
    directory = pathlib.Path(directory)
    for candidate in (directory, directory / BEST):
        if (candidate / SPEC_FILE).is_file() and (candidate / WEIGHTS_FILE).is_file():
            return candidate
    raise FileNotFoundError(
        f"`{argument}` must be a folder with {SPEC_FILE} and {WEIGHTS_FILE}: {directory}"
    )
