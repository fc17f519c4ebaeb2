"""Converts Keras models to the bytes of TFLite files, in every variant."""

import contextlib
import tempfile
from collections.abc import Collection

import keras
import tensorflow as tf

from export.sample_clips import SampleClips
from export.tflite.calibrate import measure_ranges
from export.tflite.export_settings import CALIBRATED
from export.tflite.fused_boxes import fused
from export.tflite.gpu_edits import separate_padding
from export.tflite.keep_float import find_box_operators, find_results
from export.tflite.quantize import quantize
from tsm_tf.detection.rfcn import DetectorModel
from tsm_tf.detection.stream import build_detector_stream
from tsm_tf.layers.clip_conv import ClipConv
from tsm_tf.layers.temporal_shift import TemporalShift
from tsm_tf.models.stream import build_stream_model

_FLOAT_ACTIVATIONS = ("float32", "float16", "weight_only")


def convert(
    model: keras.Model,
    online: bool,
    variant: str = "float32",
    calibration: SampleClips | None = None,
    num_streams: int = 1,
    frames_per_step: int = 1,
    batch_axis: bool = False,
    keep_float: Collection[str] = (),
) -> bytes:
    """Returns the bytes of the TFLite file of a clip model, or of a detector.

    In quantised files of detectors, everything from the last convolutions on stays in float32: 8
    bits are too coarse for coordinates.

    TensorFlow's converter writes the float files. LiteRT Quantizer makes the others of a float32
    file.

    Args:
        model: a model of `build_model` or `load_checkpoint`, or a detector.
        online: True for one frame and its caches, False for whole clips.
        variant: see `export.tflite.VARIANTS`. Calibrated variants have int8 inputs and outputs,
            including the caches.
        calibration: clips for calibrated variants.
        num_streams: number of streams side by side in an online file.
        frames_per_step: number of frames of each stream per call in an online file.
        batch_axis: give clips an axis of length 1 for the batch. GPUs need tensors of at most four
            dimensions.
        keep_float: names of layers that stay in float32 in a quantised file.

    Raises:
        InputError: none of the layers in `keep_float` has an operator of its own.
    """
    by_rows = variant != "edgetpu"
    if isinstance(model, DetectorModel):
        converted = build_detector_stream(model, by_rows, fused)
    elif online:
        converted = build_stream_model(model, num_streams, by_rows, frames_per_step)
    else:
        converted = model

    with _export_form(model, as_convolution=variant in _FLOAT_ACTIVATIONS):
        content = _convert_float(converted, online, batch_axis, half=variant == "float16")
    if variant in _FLOAT_ACTIVATIONS:
        content = separate_padding(content)
    if variant in ("float32", "float16"):
        return content

    kept = find_results(content, keep_float) if keep_float else []
    if isinstance(model, DetectorModel):
        kept += find_box_operators(content)
    ranges = None
    if variant in CALIBRATED:
        assert calibration is not None
        ranges = measure_ranges(content, calibration, online, frames_per_step)
    return quantize(content, variant, ranges, kept)


def _convert_float(model: keras.Model, online: bool, batch_axis: bool, half: bool) -> bytes:
    """Returns the bytes of a float file.

    The conversion goes through a `tf.Module` and a SavedModel: with Keras 3, the converter's
    shorter ways fail or lose the weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        _save(model, online, batch_axis, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if half:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


@contextlib.contextmanager
def _export_form(model, as_convolution):
    """Context manager in which the shifts and 3D convolutions of a clip model have one form.

    With float activations, the convolution is faster: a clip of ResNet-50 takes 1.05 times as long
    as without a shift, with slices 1.11. In 8 bits, it would round the values that it moves.
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
