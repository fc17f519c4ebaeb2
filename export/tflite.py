"""Keras models to TFLite files that were checked: `python -m export.tflite --online --checkpoint=DIR --output=DIR`.

An online file maps `image` (float32 `[1, S, S, 3]`, RGB 0..255) and the caches `shift_00`, ... to `logits` and the new
caches under the same names (section 4.2); a clip file maps `image` `[1, T, S, S, 3]` to `logits`. The spec with labels
and preprocessing travels inside.
"""

import os
import pathlib
import tempfile

from absl import flags

from tsm_tf import cli
from tsm_tf.errors import InputError
from tsm_tf.spec import NARROWEST_SHIFT, SHIFT_MODES, ModelSpec


def export_model(model, output: str | os.PathLike, online: bool) -> pathlib.Path:
    """Converts a clip model, checks the file against Keras, and writes it.

    Args:
        model: a model of `build_model` or `load_checkpoint`.
        output: folder for `<backbone>_online_float32.tflite` or `<backbone>_clip_float32.tflite`.
        online: one frame and its caches, or whole clips.

    Returns:
        The file's path.

    Raises:
        InputError: the model cannot stream, the file exists already, its logits differ by more than 1e-4, it has an
            operator that tflite-runtime 2.14.0 lacks, or Keras runs on another backend than TensorFlow.
    """
    import keras

    from export.metadata import add_spec
    from export.model_file import parse_model
    from export.operators import check_versions
    from export.parity import TOLERANCE, clip_difference, online_difference

    if keras.backend.backend() != "tensorflow":
        rule = "must be tensorflow to export; save a checkpoint, and use python -m export.tflite, which sees to it"
        raise InputError("KERAS_BACKEND", rule, keras.backend.backend())
    path = output_path(model.spec, output, online)
    print(f"converting {model.spec.backbone}, shift_mode {model.spec.shift_mode} ...", flush=True)
    content = add_spec(convert(model, online), model.spec)
    check_versions(parse_model(content).graphs[0].operators)
    path.parent.mkdir(parents=True, exist_ok=True)
    unchecked = path.with_name(f".unchecked.{path.name}")
    try:
        unchecked.write_bytes(content)
        difference = (online_difference if online else clip_difference)(model, unchecked)
        print(f"largest difference of logits from Keras over 32 distinct frames: {difference:.2e}")
        if not difference <= TOLERANCE:
            raise InputError(
                "export", f"must differ from Keras by at most {TOLERANCE}; nothing was written", difference
            )
        os.replace(unchecked, path)
    finally:
        unchecked.unlink(missing_ok=True)
    print(f"written to {path}, {path.stat().st_size / 2**20:.2f} MiB")
    return path


def output_path(spec: ModelSpec, output: str | os.PathLike, online: bool) -> pathlib.Path:
    """Returns where the file goes.

    Raises:
        InputError: the model cannot stream, the folder is none, or the file is there already.
    """
    if online:
        spec.check_streamable()
    backbone = spec.backbone.rpartition(":")[2]
    path = pathlib.Path(output) / f"{backbone}_{'online' if online else 'clip'}_float32.tflite"
    if path.parent.is_file():
        raise InputError("output", "must be a folder", str(path.parent))
    if path.exists():
        raise InputError("output", f"must be a folder without {path.name}, which would be lost", str(path.parent))
    return path


def convert(model, online: bool) -> bytes:
    """Returns the TFLite file of a model, float32.

    The way leads over a `tf.Module` and a SavedModel: the converter's shorter ways fail or lose the weights with
    Keras 3.
    """
    import tensorflow as tf

    from tsm_tf.models.stream import build_stream_model

    if online:
        converted = build_stream_model(model, batch_size=1)
        specs = {name: tf.TensorSpec(x.shape, tf.float32, name=name) for name, x in converted.input.items()}
    else:
        converted = model
        specs = {"image": tf.TensorSpec((1, *model.input.shape[1:]), tf.float32, name="image")}

    @tf.function(input_signature=list(specs.values()))
    def serve(*tensors):
        if online:
            return converted(dict(zip(specs, tensors, strict=True)), training=False)
        return {"logits": converted(*tensors, training=False)}

    module = tf.Module()
    module.variables_of_model = [variable.value for variable in converted.variables]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve.get_concrete_function()})
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


_SPEC_FLAGS = ("backbone", "num_classes", "num_segments", "input_size", "width", "shift_mode", "shift_div")


def define_flags():
    """Defines the command's flags."""
    fresh = "Of a model with fresh weights; with --checkpoint, its spec says this."
    flags.DEFINE_string("checkpoint", None, "Checkpoint folder, or a training run's; none exports fresh weights.")
    flags.DEFINE_string("output", None, "Folder to write into.", required=True)
    flags.DEFINE_bool("online", False, "One frame at a time with caches, instead of whole clips.")
    flags.DEFINE_string("backbone", None, f"{', '.join(NARROWEST_SHIFT)}, or keras:NAME. {fresh}")
    flags.DEFINE_enum("shift_mode", None, SHIFT_MODES, fresh)
    flags.DEFINE_float("width", None, fresh)
    for name in ("num_classes", "num_segments", "input_size", "shift_div"):
        flags.DEFINE_integer(name, None, fresh)


def main():
    """Exports."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whose converter this is; checkpoints are the same on all backends
    values = flags.FLAGS
    choices = {name: values[name].value for name in _SPEC_FLAGS if values[name].value is not None}
    if values.checkpoint and choices:
        raise InputError("checkpoint", f"decides --{', --'.join(choices)}; leave them out", values.checkpoint)
    if not values.checkpoint:
        output_path(ModelSpec(**choices), values.output, values.online)  # before Keras takes its seconds to load
        from tsm_tf.models.clip import build_model

        model = build_model(ModelSpec(**choices))
        print("*** NO CHECKPOINT: FRESH WEIGHTS. This file is good for measuring latency, and recognises nothing. ***")
    else:
        from tsm_tf.models.checkpoint import load_checkpoint, load_spec

        output_path(load_spec(values.checkpoint), values.output, values.online)
        model = load_checkpoint(values.checkpoint)
    export_model(model, values.output, values.online)


if __name__ == "__main__":
    cli.run(main, define_flags)
