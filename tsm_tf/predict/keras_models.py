"""Predictors of checkpoints, with Keras."""

import os

import numpy as np

from tsm_tf.evaluation.stream.logits import keras_streams
from tsm_tf.predict.predictors import ClipPredictor, Predictor, Step, StreamPredictor, check_stream
from tsm_tf.weights.checkpoint import load_checkpoint, load_spec


def load_predictor(
    checkpoint: str | os.PathLike,
    stream: bool,
    batch_size: int,
) -> Predictor:
    """Returns the predictor of a checkpoint.

    Args:
        checkpoint: the folder, or that of a training run.
        stream: whether the model sees the frames one at a time.
        batch_size: clips per batch.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: it cannot be loaded, or cannot stream.
    """
    if stream:
        check_stream(load_spec(checkpoint))

    model = load_checkpoint(checkpoint)
    if not stream:
        return ClipPredictor(model.spec, model.predict_on_batch, batch_size)
    start_streams = keras_streams(model, 1)

    def start() -> Step:
        step = start_streams()

        def step_one(frame: np.ndarray) -> np.ndarray:
            return step(frame[None])[0]

        return step_one

    return StreamPredictor(model.spec, start)
