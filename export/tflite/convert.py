"""Keras models to the bytes of TFLite files, in every variant."""

import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from export.sample_streams import Streams
from tsm_tf.models.stream import build_stream_model


def convert(
    model,
    online: bool,
    variant: str = "float32",
    calibration: Streams | None = None,
    num_streams: int = 1,
) -> bytes:
    """Returns the TFLite file of a clip model.

    The way leads over a `tf.Module` and a SavedModel: the converter's shorter ways fail or lose the weights with
    Keras 3.

    Args:
        model: a model of `build_model` or `load_checkpoint`.
        online: one frame and its caches, or whole clips.
        variant: see `export.tflite.VARIANTS`. Calibrated ones take and give int8 everywhere, caches too.
        calibration: streams for the calibrated ones. Online, they run through the model frame by frame, so that the
            caches show the range that they have at run time.
        num_streams: streams side by side in an online file.
    """
    if online:
        converted = build_stream_model(model, num_streams, by_rows=variant != "edgetpu")
        specs = {
            name: tf.TensorSpec(x.shape, tf.float32, name=name)
            for name, x in converted.input.items()
        }
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
        tf.saved_model.save(
            module, folder, signatures={"serving_default": serve.get_concrete_function()}
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if variant != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant == "float16":
            converter.target_spec.supported_types = [tf.float16]
        # Per channel, the dense layer is of a version that tflite-runtime 2.14 does not have.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
        if calibration:
            samples = (
                _online_samples(converted, calibration) if online else _clip_samples(calibration)
            )
            converter.representative_dataset = lambda: samples
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return converter.convert()


def _clip_samples(streams: Streams) -> Iterator[dict]:
    for frames in _with_full_range(streams.frames):
        yield {"image": frames[None].astype(np.float32)}


def _online_samples(stream, streams: Streams) -> Iterator[dict]:
    """Yields what an online model is fed: every second stream begins cold, the others go on from the one before."""
    step = tf.function(lambda inputs: stream(inputs, training=False))
    num_streams = stream.input["image"].shape[0]
    frames = _with_full_range(streams.frames)
    caches = {}
    for number, first in enumerate(range(0, len(frames), num_streams)):
        side_by_side = np.take(frames, range(first, first + num_streams), axis=0, mode="wrap")
        if number % 2 == 0:
            caches = stream.initial_state(num_streams)
        for t in range(frames.shape[1]):
            inputs = {"image": tf.constant(side_by_side[:, t], tf.float32), **caches}
            yield inputs
            outputs = dict(step(inputs))
            del outputs["logits"]
            caches = outputs


def _with_full_range(frames):
    """Two pixels make every byte value its own integer: an image's scale is 1 and its zero point -128."""
    frames = frames.copy()
    frames[0, 0, 0, 0], frames[0, 0, 0, 1] = 0, 255
    return frames
