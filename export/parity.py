"""Does a file compute what the Keras model computes? Checked before an export is called done."""

import pathlib

import keras
import numpy as np

from export.interpreter import load_interpreter, signature
from export.runtime import StreamRunner
from tsm_tf.errors import InputError
from tsm_tf.models.clip import clip_model
from tsm_tf.spec import ModelSpec

TOLERANCE = 1e-4
NUM_FRAMES = 32


def test_frames(spec: ModelSpec, num_frames: int = NUM_FRAMES) -> np.ndarray:
    """Returns distinct frames `uint8 [num_frames, S, S, channels]`: moving coarse patches under fine noise."""
    rng = np.random.default_rng(0)
    size, channels = spec.input_size, spec.channels
    coarse = rng.integers(0, 200, (num_frames, 8, 8, channels))
    rows = np.arange(size) * 8 // size
    return (coarse[:, rows][:, :, rows] + rng.integers(0, 56, (num_frames, size, size, channels))).astype(np.uint8)


test_frames.__test__ = False  # pytest would collect the name


def online_difference(model: keras.Model, path: pathlib.Path, runtime: str = "auto") -> float:
    """Returns the largest difference of logits between a Keras *clip* model and the file, frame by frame.

    The clip model never sees the streaming graph, so a wrong cache cannot hide in both. A second pass after a reset
    must give the first one's logits to the bit.

    Raises:
        InputError: the file remembers something over a reset.
    """
    frames = test_frames(model.spec)
    clip = clip_model(model.network, model.spec.replace(num_segments=len(frames)), preprocess=True, per_frame=True)
    expected = _logits(clip, frames)
    runner = StreamRunner(path, runtime=runtime)
    streamed = np.stack([runner.step(frame) for frame in frames])
    runner.reset()
    if not np.array_equal(np.stack([runner.step(frame) for frame in frames]), streamed, equal_nan=True):
        raise InputError("model", "must give the same logits after a reset", str(path))
    return _difference(streamed, expected)


def clip_difference(model: keras.Model, path: pathlib.Path, runtime: str = "auto") -> float:
    """Returns the largest difference of logits between a Keras clip model and the file."""
    spec = model.spec
    num_clips = -(-NUM_FRAMES // spec.num_segments)
    clips = test_frames(spec, num_clips * spec.num_segments)
    clips = clips.reshape(num_clips, spec.num_segments, *clips.shape[1:])
    interpreter, _ = load_interpreter(path, runtime=runtime)
    inputs, outputs = signature(interpreter)
    actual = []
    for clip in clips:
        interpreter.set_tensor(inputs["image"]["index"], clip[None].astype(np.float32))
        interpreter.invoke()
        actual.append(interpreter.get_tensor(outputs["logits"]["index"])[0])
    return _difference(np.stack(actual), np.stack([_logits(model, clip) for clip in clips]))


def _difference(actual, expected):
    """The largest difference; of logits beyond 10, which float32 holds less finely, relative to the largest over 10."""
    return float(np.abs(actual - expected).max() / max(1.0, np.abs(expected).max() / 10))


def _logits(model, clip):
    """Eager: `predict` would spend seconds on compiling for the one clip that it sees."""
    return keras.ops.convert_to_numpy(model(clip[None], training=False))[0]
