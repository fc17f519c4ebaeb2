"""Converts Keras models to the bytes of TFLite files, in every variant."""

import contextlib
import tempfile
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from export.sample_clips import SampleClips, in_steps
from tsm_tf.layers.clip_conv import ClipConv
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.stream import build_stream_model

_FLOAT_VARIANTS = ("float32", "float16")


def convert(
    model: keras.Model,
    online: bool,
    variant: str = "float32",
    calibration: SampleClips | None = None,
    num_streams: int = 1,
    frames_per_step: int = 1,
    batch_axis: bool = False,
) -> bytes:
    """Returns the bytes of the TFLite file of a clip model.

    The conversion goes through a `tf.Module` and a SavedModel: with Keras 3, the converter's
    shorter ways fail or lose the weights.

    Args:
        model: a model of `build_model` or `load_checkpoint`.
        online: True for one frame and its caches, False for whole clips.
        variant: see `export.tflite.VARIANTS`. Calibrated variants have int8 inputs and outputs,
            including the caches.
        calibration: clips for calibrated variants. Online, they run through the model frame by
            frame, so that the caches have the range that they have at run time.
        num_streams: number of streams side by side in an online file.
        frames_per_step: number of frames of each stream per call in an online file.
        batch_axis: give clips an axis of length 1 for the batch. GPUs need tensors of at most four
            dimensions.
    """
    if online:
        by_rows = variant != "edgetpu"
        converted = build_stream_model(model, num_streams, by_rows, frames_per_step)
    else:
        converted = model

    with tempfile.TemporaryDirectory() as folder:
        with _export_form(model, as_convolution=variant in _FLOAT_VARIANTS):
            _save(converted, online, batch_axis, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if variant != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant == "float16":
            converter.target_spec.supported_types = [tf.float16]
        # Per channel, the dense layer would have a version that tflite-runtime 2.14 lacks.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True

        if calibration:
            if online:
                samples = _online_samples(converted, calibration)
            else:
                samples = _clip_samples(calibration, batch_axis)
            converter.representative_dataset = lambda: samples
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        return converter.convert()


@contextlib.contextmanager
def _export_form(model, as_convolution):
    """Context manager in which the shifts and 3D convolutions of a clip model have one form.

    In float files, the shift as a convolution is faster: a clip of ResNet-50 takes 1.05 times as
    long as without a shift, with slices 1.11. Quantised, it would round the values that it moves.
    """
    forms = [
        (layer, "as_convolution", as_convolution)
        for layer in model.layers
        if isinstance(layer, TemporalShift)
    ]
    forms += [(layer, "over_frames", True) for layer in model.layers if isinstance(layer, ClipConv)]
    before = [getattr(layer, name) for layer, name, _ in forms]
    for layer, name, form in forms:
        setattr(layer, name, form)
    try:
        yield
    finally:
        for (layer, name, _), form in zip(forms, before, strict=True):
            setattr(layer, name, form)


def _save(model, online, batch_axis, folder):
    """Writes a SavedModel with named inputs and outputs of fixed shapes."""
    if online:
        shapes = {name: x.shape for name, x in model.input.items()}
    else:
        clip = model.input.shape[1:]
        shapes = {"image": (1, *clip) if batch_axis else clip}
    signature = {
        name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()
    }

    @tf.function(input_signature=list(signature.values()))
    def serve(*tensors):
        if online:
            return model(dict(zip(signature, tensors, strict=True)), training=False)
        (clip,) = tensors
        return {"logits": model(tf.reshape(clip, (1, *model.input.shape[1:])), training=False)}

    module = _Variables(model)
    concrete = serve.get_concrete_function()  # pyright: ignore[reportFunctionMemberAccess]
    tf.saved_model.save(module, folder, signatures={"serving_default": concrete})


class _Variables(tf.Module):
    """Makes the SavedModel include the variables of a Keras model."""

    def __init__(self, model):
        super().__init__()
        self.variables_of_model = [variable.value for variable in model.variables]


def _clip_samples(clips: SampleClips, batch_axis: bool) -> Iterator[dict]:
    for frames in _with_full_range(clips.frames).astype(np.float32):
        yield {"image": frames[None] if batch_axis else frames}


def _online_samples(stream, clips: SampleClips) -> Iterator[dict]:
    """Yields the inputs of a stream model while it streams the clips.

    Every second clip starts from the initial caches, the others continue from the clip before.
    """
    step = tf.function(lambda inputs: stream(inputs, training=False))
    shape, frames_per_step = stream.input["image"].shape, stream.frames_per_step
    num_streams = shape[0] // frames_per_step
    frames = _with_full_range(clips.frames)

    caches = {}
    for number, first in enumerate(range(0, len(frames), num_streams)):
        side_by_side = np.take(frames, range(first, first + num_streams), axis=0, mode="wrap")
        if number % 2 == 0:
            caches = stream.initial_state(num_streams)

        for images in in_steps(side_by_side, frames_per_step):
            inputs = {"image": tf.constant(images.reshape(shape), tf.float32), **caches}
            yield inputs
            outputs = dict(step(inputs))
            del outputs["logits"]
            caches = outputs


def _with_full_range(frames):
    """Sets one pixel to 0 and one to 255.

    Every byte then has its own integer: the image's scale is 1 and its zero point -128.
    """
    frames = frames.copy()
    frames[0, 0, 0, 0], frames[0, 0, 0, 1] = 0, 255
    return frames
