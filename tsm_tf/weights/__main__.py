"""Turns a file of official PyTorch weights into a checkpoint folder.

    python -m tsm_tf.weights --input=TSM_somethingv2_RGB_resnet50.pth.tar --output=checkpoints/sth

Backbone, classes, shift, non-local blocks, temporal pooling and modality are inferred from the names and shapes. Flags
give the rest: the number of segments, the direction of the shift, ...
"""

import pathlib

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.spec import SHIFT_MODES
from tsm_tf.weights.official import infer_spec, load_official_weights
from tsm_tf.weights.state_dicts import read_state_dict


def define_flags():
    """Defines the command's flags."""
    flags.DEFINE_string(
        "input",
        None,
        "File of official weights: .pth, .pth.tar, .npz or .safetensors.",
        required=True,
    )
    flags.DEFINE_string("output", None, "Checkpoint folder to write.", required=True)
    flags.DEFINE_integer("num_segments", 8, "Frames per clip that it was trained with.")
    flags.DEFINE_enum(
        "shift_mode",
        None,
        SHIFT_MODES,
        "Default: bidirectional if layers are shifted by name, else none.",
    )
    flags.DEFINE_integer(
        "shift_div", 8, "One shift_div-th of the channels moves in each direction."
    )
    flags.DEFINE_integer("input_size", 224, "Height and width of a frame.")
    flags.DEFINE_string("labels", None, "Text file with one class name a line.")


def main():
    """Reads, deduces, loads, and writes."""
    values = flags.FLAGS
    output = pathlib.Path(values.output)
    if output.exists() and any(output.iterdir()):
        raise InputError("output", "must be a new or an empty folder", str(output))
    state_dict = read_state_dict(pathlib.Path(values.input))
    overrides = {name: values[name].value for name in ("num_segments", "shift_div", "input_size")}
    if values.shift_mode:
        overrides["shift_mode"] = values.shift_mode
    if values.labels:
        overrides["labels"] = tuple(
            pathlib.Path(values.labels).read_text(encoding="utf-8").split("\n")
        )
        overrides["labels"] = tuple(filter(None, overrides["labels"]))
    spec = infer_spec(state_dict, **overrides)
    print(spec.to_json())
    if spec.shift_mode == "none" and not values.shift_mode:
        print(
            "No name has a shift: taken as a TSN. For an online checkpoint give --shift_mode=unidirectional."
        )
    from tsm_tf.models.clip import build_model
    from tsm_tf.weights.checkpoint import save_checkpoint

    model = build_model(spec)
    load_official_weights(model, state_dict)
    save_checkpoint(model, output)
    print(f"{model.count_params():,} numbers of {len(state_dict)} arrays written to {output}")


def run_command() -> None:
    cli.run(main, define_flags)


if __name__ == "__main__":
    run_command()
