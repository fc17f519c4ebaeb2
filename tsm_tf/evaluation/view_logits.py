"""The logits of a video's views."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tsm_tf.data.views import Views
from tsm_tf.devices import Devices
from tsm_tf.errors import InputError
from tsm_tf.models.clip import ClipModel


def sized_model(model: ClipModel, views: Views) -> ClipModel:
    """Returns the model that takes some views, which shares the weights.

    It is the given model unless the views have another size, as at full resolution.

    Raises:
        InputError: the model cannot take these views.
    """
    spec = views.sized(model.spec)
    if spec.input_size == model.spec.input_size:
        return model
    try:
        return model.resized(spec.input_size, spec.crop_pct)
    except InputError as error:
        size = model.spec.input_size
        rule = f"must be false for a network that takes frames of {size} pixels only ({error.rule})"
        raise InputError("full_resolution", rule, True) from error


class ClipScorer:
    """Computes the logits of clips on some devices, in batches.

    Args:
        model: a clip model, built in `devices.scope()`.
        batch_size: clips per batch; the last one of a call may be smaller.
        devices: from `pick_devices`. Each batch is split among the devices of this process.

    Call arguments:
        clips: `uint8 [n, T, H, W, C]`.
        boxes: `float32 [n, T/2, R, 4]`, for a network that takes boxes.

    Returns:
        `float32 [n, num_classes]`.

    Example:
        >>> scorer = ClipScorer(sized_model(model, views), batch_size=16)
        >>> mean_logits(scorer(load_views(video, model.spec, VIDEO_FILES, views)))
    """

    def __init__(
        self,
        model: ClipModel,
        batch_size: int,
        devices: Devices = Devices(),  # noqa: B008 (frozen)
    ):
        self.model, self.batch_size, self.devices = model, batch_size, devices
        self._on_replicas = _replicated(model, devices) if devices.strategy else None

    def __call__(self, clips: np.ndarray, *boxes: np.ndarray) -> np.ndarray:
        starts = range(0, len(clips), self.batch_size)
        inputs = (clips, *boxes)
        rows = [self._score([x[i : i + self.batch_size] for x in inputs]) for i in starts]
        return np.concatenate(rows)

    def _score(self, inputs):
        replicas, count = self.devices.share.replicas, len(inputs[0])
        missing = -count % replicas
        if missing:  # the devices get equally many
            inputs = [np.concatenate([x, np.repeat(x[-1:], missing, axis=0)]) for x in inputs]

        batch: Any = inputs if len(inputs) > 1 else inputs[0]
        if self._on_replicas is not None:
            logits = self._on_replicas(batch)
        elif replicas > 1:  # with JAX, only `predict` splits a batch
            logits = self.model.predict(batch, batch_size=count + missing, verbose=0)
        else:
            logits = self.model.predict_on_batch(batch)
        return logits[:count]


def _replicated(model: ClipModel, devices: Devices) -> Callable[[Any], np.ndarray]:
    """Returns a function that computes a model on the replicas of this process."""
    import tensorflow as tf

    strategy, replicas = devices.strategy, devices.share.replicas

    def compute(clips):
        return model(clips, training=False)

    @tf.function(reduce_retracing=True)
    def step(values):
        return strategy.run(compute, args=(values,))

    def distributed(values):
        parts = np.split(values, replicas)
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group % replicas])
        )

    def score(inputs):
        values = keras.tree.map_structure(distributed, inputs)
        outputs = strategy.experimental_local_results(step(values))
        return np.concatenate([keras.ops.convert_to_numpy(logits) for logits in outputs])

    return score
