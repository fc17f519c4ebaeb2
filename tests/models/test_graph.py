import keras
import numpy as np
from keras import layers
from testing import array, frames

from tsm_tf.models.graph import calls, inline


def test_inlines_sequential_models_nested_or_not():
    inner = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3), layers.ReLU()])
    outer = keras.Sequential([keras.Input((6, 6, 3)), inner, layers.Flatten(), layers.Dense(2)])
    flat = inline(outer)
    assert [type(node.operation).__name__ for node in calls(flat)] == [
        "Conv2D",
        "ReLU",
        "Flatten",
        "Dense",
    ]
    x = frames(2, 6, 6, 3)
    np.testing.assert_allclose(array(flat(x)), array(outer(x)), rtol=1e-6)


def test_inlines_for_a_batch_of_known_size():
    model = keras.Sequential([keras.Input((6, 6, 3)), layers.Conv2D(4, 3)])
    assert inline(model, 5).output.shape == (5, 4, 4, 4) and inline(model).output.shape == (
        None,
        4,
        4,
        4,
    )
