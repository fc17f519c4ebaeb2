"""The training step: accumulated parts, and a teacher's share in the loss."""

import types

import keras
import numpy as np
import pytest
from testing import array, frames, refuses

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.training.step.accumulate import accumulate
from tsm_tf.training.step.distill import distill, load_teacher
from tsm_tf.training.step.optimizer import GroupSGD

CLIPS, LABELS = frames(8, 3), np.arange(8) % 2


def dense(seed=0):
    """A model without batch norms, which would see the parts."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)]
    )
    model.spec = types.SimpleNamespace(input_size=1)
    return model


def fitted(model, parts, batch_size):
    if parts > 1:
        accumulate(model, parts)
    optimizer = GroupSGD(0.5, 0.9, 0.01, global_clipnorm=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"])
    history = model.fit(CLIPS, LABELS, batch_size, epochs=3, shuffle=False, verbose=0).history
    assert int(optimizer.iterations) == 3 * (8 // batch_size)
    return [array(v) for v in model.variables], history


@pytest.mark.parametrize("batch_size", [4, 8])
def test_accumulated_parts_are_a_large_batch(batch_size):
    one, history = fitted(dense(), 1, batch_size)
    other, other_history = fitted(dense(), 4, batch_size)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(history[name], other_history[name], rtol=1e-5)


def test_loss_of_a_distillation_by_hand():
    model, teacher = dense(), dense(1)
    teacher.spec = model.spec
    distill(model, teacher, 0.4, 4.0, steps=20)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    logits, wanted = array(model(CLIPS)), array(teacher(CLIPS))

    def log_softmax(x):
        return x - np.log(np.exp(x).sum(1, keepdims=True))

    plain = -log_softmax(logits)[np.arange(8), LABELS].mean()
    p, q = log_softmax(wanted / 4), log_softmax(logits / 4)
    distance = 16 * (np.exp(p) * (p - q)).sum(1).mean()
    for step, share in ((0, 0.4), (5, 0.3), (20, 0.0), (25, 0.0)):
        model.optimizer.iterations.assign(step)
        loss = model.compute_loss(CLIPS, LABELS, model(CLIPS), None, training=True)
        np.testing.assert_allclose(array(loss), (1 - share) * plain + share * distance, rtol=1e-5)
    model.optimizer.iterations.assign(0)
    loss = model.compute_loss(CLIPS, LABELS, model(CLIPS), None, training=False)
    np.testing.assert_allclose(array(loss), plain, rtol=1e-5)


def test_teacher_of_another_size_sees_the_same_clips(tmp_path):
    spec = ModelSpec(
        backbone="resnet18", input_size=32, num_segments=2, num_classes=2, labels=("a", "b")
    )
    save_checkpoint(build_model(spec.replace(input_size=40)), tmp_path)
    model = build_model(spec)
    teacher = load_teacher(tmp_path, model)
    assert not teacher.trainable_variables
    distill(model, teacher, 0.5, 2.0, steps=1)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clips = np.uint8(frames(2, 2, 32, 32, 3) * 50 + 128)
    assert np.isfinite(model.fit(clips, np.array([0, 1]), verbose=0).history["loss"]).all()
    with refuses("teacher", "num_segments", "2"):
        load_teacher(tmp_path, build_model(spec.replace(num_segments=4)))
    with refuses("teacher", "labels"):
        load_teacher(tmp_path, build_model(spec.replace(labels=("b", "a"))))
