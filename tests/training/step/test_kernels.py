"""The training kernels compute the same as Keras' layers: outputs, gradients, statistics."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from testing import frames

from tsm_tf import ModelSpec, build_model
from tsm_tf.training.step.kernels import use_fast_kernels

BatchNorm = keras.layers.BatchNormalization


def twins(shape, *layers):
    """Two models with the same weights, the second with fast kernels."""
    models = []
    for fast in (False, True):
        keras.utils.set_random_seed(0)
        copies = [type(layer).from_config(layer.get_config()) for layer in layers]
        models.append(keras.Sequential([keras.Input(shape), *copies]))
        if fast:
            use_fast_kernels(models[-1])
    return models


def outputs_and_gradients(model, x, training):
    """Compiled, as in training."""

    @tf.function
    def compute(x, weights):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=training)
            loss = tf.reduce_sum(tf.cast(y, "float32") * weights)
        return y, tape.gradient(loss, [x, *(v.value for v in model.trainable_variables)])

    return compute(x, frames(*x.shape, seed=5))


def assert_same_step(one, other, x, training=True, **tolerance):
    for a, b in zip(
        tf.nest.flatten(outputs_and_gradients(one, x, training)),
        tf.nest.flatten(outputs_and_gradients(other, x, training)),
        strict=True,
    ):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(np.float32(a), np.float32(b), **tolerance)
    for a, b in zip(one.variables, other.variables, strict=True):
        np.testing.assert_allclose(a, b, **tolerance)


def was_called(model, operation):
    graph = tf.function(lambda x: model(x, training=True)).get_concrete_function(
        tf.TensorSpec((8, *model.input_shape[1:]))
    )
    return operation in {node.type for node in graph.graph.get_operations()}


@pytest.mark.parametrize("options", [{}, {"epsilon": 1e-5, "momentum": 0.9}, {"trainable": False}])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(options, training):
    one, other = twins((3, 5, 4), BatchNorm(**options))
    for _ in range(2):  # the second time with the statistics of the first
        assert_same_step(one, other, 3 + 2 * frames(8, 3, 5, 4), training, rtol=1e-4, atol=1e-5)
    assert was_called(other, "FusedBatchNormV3") == ("trainable" not in options)


def test_batch_norm_of_clips():
    one, other = twins((2, 3, 5, 4), BatchNorm())
    assert_same_step(one, other, 3 + 2 * frames(8, 2, 3, 5, 4), rtol=1e-4, atol=1e-5)
    assert was_called(other, "FusedBatchNormV3")
    one, other = twins((2, 3, 5, 4), BatchNorm(axis=3))  # of columns
    assert_same_step(one, other, frames(8, 2, 3, 5, 4), rtol=0, atol=0)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_batch_norm_in_half_precision(policy):
    layer = BatchNorm(dtype=policy)
    one, other = twins((3, 5, 4), layer)
    x = tf.cast(3 + 2 * frames(8, 3, 5, 4), layer.compute_dtype)
    assert_same_step(one, other, x, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    "shape, options",
    [
        ((6,), {}),
        ((3, 5, 4), {"axis": 1}),
        ((3, 5, 4), {"scale": False}),
        ((3, 5, 4), {"renorm": True}),
    ],
)
def test_other_batch_norms_stay_with_keras(shape, options):
    one, other = twins(shape, BatchNorm(**options))
    assert_same_step(one, other, frames(8, *shape), rtol=0, atol=0)
    assert not was_called(other, "FusedBatchNormV3")


def test_a_step_of_a_model_and_what_it_saves(tmp_path):
    """The weights agree after a step, and the file does not depend on the kernels."""
    models = []
    for fast in (False, True):
        keras.utils.set_random_seed(0)
        model = build_model(
            ModelSpec(backbone="resnet18", num_classes=2, num_segments=2, input_size=64, dropout=0)
        )
        if fast:
            use_fast_kernels(model)
        model.compile(
            keras.optimizers.SGD(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        model.train_on_batch(128 + 50 * frames(4, 2, 64, 64, 3), np.array([0, 1, 1, 0]))
        models.append(model)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=1e-4)
    model.save(tmp_path / "fast.keras")
    loaded = keras.saving.load_model(tmp_path / "fast.keras")
    for layer in loaded.layers:
        assert "call" not in vars(layer)
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
