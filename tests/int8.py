"""A full-integer file of a stream model, for tests of its readers."""

from testing import video_frames

from export.sample_clips import SampleClips
from export.tflite.convert import convert


def convert_int8(model, batch_size=1) -> bytes:
    """Calibrates on one clip of eight frames."""
    spec = model.spec
    frames = video_frames(1, 8, spec.input_size, spec.input_size, spec.channels)
    return convert(model, True, "int8", SampleClips(frames, None, "tests"), batch_size)
