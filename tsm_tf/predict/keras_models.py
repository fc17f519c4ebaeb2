"""Predictors of checkpoints, with Keras."""

import os

import numpy as np

from tsm_tf.evaluation.protocols import Protocol
from tsm_tf.evaluation.view_logits import ClipScorer, sized_model
from tsm_tf.models.frame_step import keras_streams
from tsm_tf.predict.predictors import ClipPredictor, Predictor, Step, StreamPredictor, check_stream
from tsm_tf.spec_checks import check_takes_clips_alone
from tsm_tf.weights.checkpoint import load_checkpoint, load_spec


def load_predictor(
    checkpoint: str | os.PathLike,
    protocol: Protocol | None,
    batch_size: int,
) -> Predictor:
    """Returns the predictor of a checkpoint.

    Args:
        checkpoint: the folder, or that of a training run.
        protocol: which clips and crops of a video the model gets; None for a stream of its frames.
        batch_size: clips per batch.

    Raises:
        MissingFile: there is no checkpoint.
        InputError: it cannot be loaded, takes boxes, cannot take these views, or cannot stream.
    """
    spec = load_spec(checkpoint)
    check_takes_clips_alone(spec.backbone, "predict videos without a data folder")
    if protocol is None:
        check_stream(spec)
    else:
        protocol.views.sized(spec)  # raises before the model is built

    model = load_checkpoint(checkpoint)
    if protocol is not None:
        scorer = ClipScorer(sized_model(model, protocol.views), batch_size)
        return ClipPredictor(model.spec, scorer, protocol)
    start_streams = keras_streams(model, 1)

    def start() -> Step:
        step = start_streams()

        def step_one(frame: np.ndarray) -> np.ndarray:
            return step(frame[None])[0]

        return step_one

    return StreamPredictor(model.spec, start)
