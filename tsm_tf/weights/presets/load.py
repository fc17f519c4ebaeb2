"""Loads presets: public checkpoints, downloaded and converted on first use."""

import hashlib
import os
import pathlib
import shutil

from tsm_tf.catalogue import find_architecture
from tsm_tf.errors import InputError
from tsm_tf.models.clip import ClipModel, build_model
from tsm_tf.weights.checkpoint import SPEC_FILE, load_checkpoint, save_checkpoint
from tsm_tf.weights.official import infer_spec, load_official_weights
from tsm_tf.weights.presets.download import Local, adopt, obtain, preset_folder, unfinished_name
from tsm_tf.weights.presets.table import PREFIX, Preset, find_preset
from tsm_tf.weights.state_dicts import read_state_dict

_COMPARED = (
    "num_classes",
    "consensus",
    "width",
    "modality",
    "non_local",
    "temporal_pool",
)


def load_preset(name: str, preprocess: bool = True, per_frame: bool = False) -> ClipModel:
    """Returns the clip model of a public checkpoint, with its class names and preprocessing.

    The file is downloaded, checked and converted on first use, into `presets/NAME` in Keras'
    folder (`KERAS_HOME`, or `~/.keras`). Later calls use no network. Source and licence are printed
    once. The accuracies in the table are those that the source reports.

    Args:
        name: from `python -m tsm_tf.weights --list`.
        preprocess: see `build_model`.
        per_frame: see `build_model`.

    Raises:
        InputError: an unknown name, or the file is not available, not the right one, or damaged.

    Example:
        >>> model = tsm_tf.load_preset("tsm_r50_8f_kinetics400")
        >>> model.spec.labels[0]
        'abseiling'
    """
    return load_checkpoint(preset_checkpoint(name), preprocess, per_frame)


def resolve_checkpoint(checkpoint: str | os.PathLike) -> str | os.PathLike:
    """Returns the checkpoint folder that `preset:NAME` stands for; any other path as it is.

    Raises:
        InputError: see `load_preset`.
    """
    if isinstance(checkpoint, str) and checkpoint.startswith(PREFIX):
        return preset_checkpoint(checkpoint.removeprefix(PREFIX))
    return checkpoint


def preset_checkpoint(
    name: str,
    source: pathlib.Path | None = None,
    sha256: str | None = None,
) -> pathlib.Path:
    """Returns the checkpoint folder of a preset, which is written on first use.

    Args:
        name: name of the preset.
        source: the preset's file, if it was downloaded by hand.
        sha256: the only hash of the file to accept; see `obtain`.

    Raises:
        MissingFile: there is no such file.
        InputError: see `load_preset`.
    """
    preset = find_preset(name)

    def check(path: pathlib.Path) -> None:
        _read(preset, path)

    if source is None:
        local = obtain(preset, check, sha256)
    else:
        local = adopt(preset, source, check, sha256)

    folder = _converted_folder(preset, local)
    if not (folder / SPEC_FILE).is_file():
        _convert(preset, local.path, folder)
    return folder


def _converted_folder(preset: Preset, local: Local) -> pathlib.Path:
    """Returns a folder for this file and spec; another version of either gets another folder."""
    key = hashlib.sha256((local.sha256 + preset.spec().to_json()).encode()).hexdigest()[:16]
    return preset_folder(preset) / f"checkpoint-{key}"


def _convert(preset: Preset, path: pathlib.Path, folder: pathlib.Path) -> None:
    print(f"converting {path.name} ...", flush=True)
    model = build_model(preset.spec())
    try:
        load_official_weights(model, _read(preset, path))
    except InputError as error:
        rule = f"must have a file with its weights; the names in it {error.rule}"
        raise InputError("preset", rule, str(path)) from error

    unfinished = folder.with_name(unfinished_name(folder.name))
    try:
        save_checkpoint(model, unfinished)
        os.rename(unfinished, folder)
    except OSError:
        if not (folder / SPEC_FILE).is_file():  # or another process was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _read(preset: Preset, path: pathlib.Path) -> dict:
    """Reads a preset's weights by name.

    Raises:
        InputError: a damaged file, or the weights of another network.
    """
    try:
        state_dict = read_state_dict(path)
        found = infer_spec(state_dict)
    except InputError as error:
        rule = f"must have a file that can be read; it {error.rule}"
        raise InputError("preset", rule, str(path)) from error

    spec = preset.spec()
    same = find_architecture(spec.backbone).same_weights_as
    expected = {"backbone": same or spec.backbone}
    expected |= {name: getattr(spec, name) for name in _COMPARED}
    if spec.shift_mode != "unidirectional":  # of which the names say nothing
        expected["shift_mode"] = spec.shift_mode
    if spec.shift_mode != "none":
        expected["shift_place"] = spec.shift_place
    wrong = [
        f"{name} is {getattr(found, name)} and not {value}"
        for name, value in expected.items()
        if getattr(found, name) != value
    ]
    if wrong:
        rule = f"must have a file with its network; in this one {', '.join(wrong)}"
        raise InputError("preset", rule, str(path))
    return state_dict
