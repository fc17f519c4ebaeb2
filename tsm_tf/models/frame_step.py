"""Runs a Keras model one frame at a time, as a device does."""

from collections.abc import Callable

import keras
import numpy as np

from tsm_tf.models.clip import ClipModel
from tsm_tf.models.stream import IMAGE, LOGITS

Step = Callable[[np.ndarray], np.ndarray]
"""From the next frame of each stream, `uint8 [B, S, S, 3]`, to logits `float32 [B, C]`."""


def keras_step(model: ClipModel, num_streams: int) -> Step:
    """Returns the step of a Keras model from its initial state; it keeps the state."""
    return keras_streams(model, num_streams)()


def keras_streams(model: ClipModel, num_streams: int) -> Callable[[], Step]:
    """Returns a function that starts new streams, each with a step as in `keras_step`.

    The stream model is built once.
    """
    stream = model.stream(num_streams)
    initial = {
        name: keras.ops.convert_to_numpy(cache)
        for name, cache in stream.initial_state(num_streams).items()
    }

    def start() -> Step:
        state = initial

        def step(frames: np.ndarray) -> np.ndarray:
            nonlocal state
            state = stream.predict_on_batch({IMAGE: frames, **state})
            return state.pop(LOGITS)

        return step

    return start
