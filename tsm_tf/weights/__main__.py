"""Converts a file with official PyTorch weights into a checkpoint folder.

    python -m tsm_tf.weights --input=TSM_somethingv2_RGB_resnet50.pth.tar --output=checkpoints/sth

The backbone, number of classes, shift, non-local blocks, temporal pooling and modality are inferred
from names and shapes. The rest is given by flags.
"""

import pathlib

from absl import flags

from tsm_tf import cli, spec_flags
from tsm_tf.errors import MissingFile
from tsm_tf.output_folder import check_new

_SPEC_FIELDS = ("num_segments", "shift_mode", "shift_div", "input_size")


def define_flags():
    files = ".pth, .pth.tar, .pt, .ckpt, .npz or .safetensors"
    flags.DEFINE_string("input", None, f"File with official weights: {files}.", required=True)
    flags.DEFINE_string("output", None, "Checkpoint folder to write.", required=True)
    flags.DEFINE_string("labels", None, "Text file with one class name per line.")
    spec_flags.define(_SPEC_FIELDS, "Default: inferred from the names, or that of ModelSpec.")


def main():
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    check_new(output)
    overrides = spec_flags.read(_SPEC_FIELDS)
    if values.labels:
        overrides["labels"] = _read_labels(pathlib.Path(values.labels))

    from tsm_tf.models.clip import build_model
    from tsm_tf.weights.checkpoint import save_checkpoint
    from tsm_tf.weights.official import infer_spec, load_official_weights
    from tsm_tf.weights.state_dicts import read_state_dict

    state_dict = read_state_dict(pathlib.Path(values.input))
    spec = infer_spec(state_dict, **overrides)
    print(spec.to_json())
    if spec.shift_mode == "none" and not values.shift_mode:
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
