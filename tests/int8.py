"""A full-integer file of a stream model, for tests of its readers."""

from unittest import mock

import tensorflow as tf
from tensorflow.lite.python.lite import TFLiteSavedModelConverterV2 as Converter
from testing import video_frames

from export.sample_clips import SampleClips
from export.tflite.convert import convert


def convert_int8(model, io=tf.int8, batch_size=1) -> bytes:
    """Calibrates on one clip of eight frames."""
    spec = model.spec
    frames = video_frames(1, 8, spec.input_size, spec.input_size, spec.channels)

    finish = Converter.convert

    def with_border(converter):
        converter.inference_input_type = converter.inference_output_type = io
        return finish(converter)

    with mock.patch.object(Converter, "convert", with_border):
        return convert(model, True, "int8", SampleClips(frames, None, "tests"), batch_size)
