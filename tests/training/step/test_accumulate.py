import keras
import numpy as np
import pytest
from testing import array, frames

from tsm_tf.training.step.accumulate import AccumulatingModel
from tsm_tf.training.step.optimizer import GroupSGD
from tsm_tf.training.step.training_model import TrainingModel

CLIPS, LABELS = frames(8, 3), np.arange(8) % 2


def fitted(parts, batch_size):
    """Trains a model without batch norms, which would see the parts."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(4, "relu"), keras.layers.Dense(2)]
    clip_model = keras.Sequential([keras.Input((3,)), *layers])
    model = AccumulatingModel(clip_model, parts) if parts > 1 else TrainingModel(clip_model)
    optimizer = GroupSGD(0.5, 0.9, 0.01, global_clipnorm=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"])
    history = model.fit(CLIPS, LABELS, batch_size, epochs=3, shuffle=False, verbose=0).history
    assert int(optimizer.iterations) == 3 * (8 // batch_size)
    return [array(v) for v in clip_model.variables], history


@pytest.mark.parametrize("batch_size", [4, 8])
def test_accumulated_parts_are_a_large_batch(batch_size):
    one, history = fitted(1, batch_size)
    other, other_history = fitted(4, batch_size)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(history[name], other_history[name], rtol=1e-5)
