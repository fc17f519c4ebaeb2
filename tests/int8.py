"""A full-integer file of a stream model, for tests of what reads such files."""

import tempfile

import numpy as np
import tensorflow as tf
from testing import array, step, video_frames

from tsm_tf.models.stream import build_stream_model, zero_caches


def convert_int8(model, io=tf.int8, batch_size=1) -> bytes:
    """Calibrates with eight frames, whose caches go on from one to the next."""
    stream = build_stream_model(model, batch_size=batch_size)
    specs = {name: tf.TensorSpec(x.shape, tf.float32, name=name) for name, x in stream.input.items()}

    @tf.function(input_signature=list(specs.values()))
    def serve(*tensors):
        return stream(dict(zip(specs, tensors, strict=True)), training=False)

    def frames():
        caches = zero_caches(stream, batch_size)
        for frame in video_frames(8, *specs["image"].shape[1:]):
            image = np.repeat(frame[None].astype(np.float32), batch_size, 0)
            yield {"image": image, **{name: array(cache) for name, cache in caches.items()}}
            caches = step(stream, image, caches)[1]

    module = tf.Module()
    module.variables_of_model = [variable.value for variable in stream.variables]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": serve.get_concrete_function()})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = frames
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = io
        return converter.convert()
