"""Exports a model: `python -m export.tflite --online --checkpoint=DIR --output=DIR`."""

import os
import pathlib

from absl import flags

from export.tflite import IMAGE_TYPES, LOGITS_TYPES, VARIANTS, Export, _export, output_paths
from tsm_tf import cli
from tsm_tf.catalogue import known_backbones
from tsm_tf.errors import InputError
from tsm_tf.spec import SHIFT_MODES, ModelSpec

_SPEC_FLAGS = (
    "backbone",
    "num_classes",
    "num_segments",
    "input_size",
    "width",
    "shift_mode",
    "shift_div",
)


def define_flags():
    """Defines the command's flags."""
    fresh = "Of a model with fresh weights; with --checkpoint, its spec says this."
    flags.DEFINE_string(
        "checkpoint", None, "Checkpoint folder, or a training run's; none exports fresh weights."
    )
    flags.DEFINE_string("output", None, "Folder to write into.", required=True)
    flags.DEFINE_bool("online", False, "One frame at a time with caches, instead of whole clips.")
    flags.DEFINE_string("backbone", None, f"{known_backbones()}. {fresh}")
    flags.DEFINE_enum("shift_mode", None, SHIFT_MODES, fresh)
    flags.DEFINE_float("width", None, fresh)
    for name in ("num_classes", "num_segments", "input_size", "shift_div"):
        flags.DEFINE_integer(name, None, fresh)
    flags.DEFINE_list("variants", ["float32"], f"Of {', '.join(VARIANTS)}.")
    data = "Folder of videos: train.txt calibrates int8 and edgetpu, val.txt proves; default: rendered gestures."
    flags.DEFINE_string("data", None, data)
    flags.DEFINE_integer("num_videos", 64, "To calibrate on, and to prove on.", lower_bound=1)
    flags.DEFINE_integer(
        "streams", 1, "Streams side by side in an online file: several cameras.", lower_bound=1
    )
    flags.DEFINE_enum("image_type", "uint8", IMAGE_TYPES, "Of int8 files.")
    flags.DEFINE_enum("logits_type", "float32", LOGITS_TYPES, "Of int8 files.")
    flags.DEFINE_bool(
        "gpu_friendly", False, "Refuse a file that phones' GPU delegates may get wrong."
    )


def main():
    """Exports."""
    os.environ["KERAS_BACKEND"] = (
        "tensorflow"  # whose converter this is; checkpoints are the same on all backends
    )
    values = flags.FLAGS
    choices = {name: values[name].value for name in _SPEC_FLAGS if values[name].value is not None}
    if values.checkpoint and choices:
        raise InputError(
            "checkpoint", f"decides --{', --'.join(choices)}; leave them out", values.checkpoint
        )
    export = Export(
        values.online,
        values.streams,
        values.image_type,
        values.logits_type,
        values.gpu_friendly,
        values.data,
        values.num_videos,
    )
    variants = tuple(values.variants)
    if not values.checkpoint:
        output_paths(
            ModelSpec(**choices), values.output, variants, values.online
        )  # before Keras takes seconds to load
        from tsm_tf.models.clip import build_model

        model = build_model(ModelSpec(**choices))
        print(
            "*** NO CHECKPOINT: FRESH WEIGHTS. This file is good for measuring latency, and recognises nothing. ***"
        )
    else:
        from tsm_tf.weights.checkpoint import load_checkpoint, load_spec

        output_paths(load_spec(values.checkpoint), values.output, variants, values.online)
        model = load_checkpoint(values.checkpoint)
    entries = _export(model, values.output, variants, export)
    from export.tflite.card import write_card

    write_card(pathlib.Path(values.output), model.spec, entries)
    print(
        f"what each file is, and how it was proven: {pathlib.Path(values.output) / 'model_card.html'}"
    )


if __name__ == "__main__":
    cli.run(main, define_flags)
