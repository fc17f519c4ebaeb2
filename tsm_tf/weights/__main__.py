"""Converts PyTorch weights, from a file or a public checkpoint, into a checkpoint folder.

    python -m tsm_tf.weights --list
    python -m tsm_tf.weights --preset=tsm_r50_8f_kinetics400 --output=checkpoints/kinetics
    python -m tsm_tf.weights --input=TSM_somethingv2_RGB_resnet50.pth.tar --output=checkpoints/sth

Presets are public checkpoints, which are downloaded from their publishers. Of other files, the
backbone, number of classes, shift, non-local blocks, temporal pooling and modality are inferred
from names and shapes. The rest is given by flags.
"""

import pathlib
import shutil
from typing import Any

from absl import flags

from tsm_tf import cli, spec_flags
from tsm_tf.errors import InputError, MissingFile
from tsm_tf.files import replacing
from tsm_tf.output_folder import check_new
from tsm_tf.weights.presets.table import describe, find_preset

_SPEC_FIELDS = ("num_segments", "shift_mode", "shift_div", "shift_place", "input_size")


def define_flags():
    files = ".pth, .pth.tar, .pt, .pyth, .ckpt, .npz or .safetensors"
    flags.DEFINE_bool("list", False, "Print the table of presets.")
    flags.DEFINE_string("preset", None, "Public checkpoint to download, a name from --list.")
    flags.DEFINE_string(
        "input",
        None,
        f"File with official weights: {files}; with --preset, that file, downloaded by hand.",
    )
    flags.DEFINE_string("output", None, "Checkpoint folder to write.")
    flags.DEFINE_string(
        "sha256",
        None,
        "With --preset, the whole SHA-256 of the only file to accept. Default: the published "
        "digits, and the hash of earlier downloads.",
    )
    flags.DEFINE_string("labels", None, "Text file with one class name per line.")
    spec_flags.define(_SPEC_FIELDS, "Default: inferred from the names, or that of ModelSpec.")


def main():
    values = flags.FLAGS
    if values.list:
        print(describe())
        return
    overrides = spec_flags.read(_SPEC_FIELDS)
    if values.labels:
        overrides["labels"] = _read_labels(pathlib.Path(values.labels))
    _check_flags(values.preset, values.input, values.sha256, overrides)
    if not values.output:
        raise InputError("output", "must be the checkpoint folder to write", values.output)
    output = pathlib.Path(values.output)
    check_new(output)

    if values.preset:
        source = pathlib.Path(values.input) if values.input else None
        _convert_preset(values.preset, source, values.sha256, output)
    else:
        _convert_file(pathlib.Path(values.input), overrides, output)


def _check_flags(
    preset: str | None,
    source: str | None,
    sha256: str | None,
    overrides: dict[str, Any],
) -> None:
    if preset:
        find_preset(preset)
        if overrides:
            rule = f"has its own spec and classes; omit --{', --'.join(overrides)}"
            raise InputError("preset", rule, preset)
    elif not source:
        rule = "must be a file with weights, unless --preset or --list is given"
        raise InputError("input", rule, source)
    elif sha256:
        raise InputError("sha256", "must be given with --preset", sha256)


def _convert_preset(
    name: str,
    source: pathlib.Path | None,
    sha256: str | None,
    output: pathlib.Path,
) -> None:
    from tsm_tf.weights.checkpoint import SPEC_FILE, WEIGHTS_FILE
    from tsm_tf.weights.presets.load import preset_checkpoint

    folder = preset_checkpoint(name, source, sha256)
    output.mkdir(parents=True, exist_ok=True)
    for file in (WEIGHTS_FILE, SPEC_FILE):
        with replacing(output / file) as unfinished:
            shutil.copyfile(folder / file, unfinished)
    print(f"{name} with {len(find_preset(name).labels)} classes written to {output}")


def _convert_file(source: pathlib.Path, overrides: dict[str, Any], output: pathlib.Path) -> None:
    from tsm_tf.models.clip import build_model
    from tsm_tf.weights.checkpoint import save_checkpoint
    from tsm_tf.weights.official import infer_spec, load_official_weights
    from tsm_tf.weights.state_dicts import read_state_dict

    state_dict = read_state_dict(source)
    spec = infer_spec(state_dict, **overrides)
    print(spec.to_json())
    may_be_online = spec.shift_mode == "none" and not spec.takes_clips
    if may_be_online and "shift_mode" not in overrides:
        print("no layer is shifted by name, so this is taken for a TSN; if it is an online")
        print("checkpoint, add --shift_mode=unidirectional")

    model = build_model(spec)
    load_official_weights(model, state_dict)
    save_checkpoint(model, output)
    count = f"{model.count_params():,} numbers from {len(state_dict)} arrays"
    print(f"{count} written to {output}")


def _read_labels(path: pathlib.Path) -> tuple[str, ...]:
    if not path.is_file():
        raise MissingFile("labels", "must be an existing file", str(path))
    return tuple(filter(None, path.read_text(encoding="utf-8").splitlines()))


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
