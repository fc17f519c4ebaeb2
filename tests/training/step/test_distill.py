"""The loss of a teacher, and `TrainingModel`, which adds it."""

import types

import keras
import numpy as np
from testing import array, frames, refuses

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.training.step.distill import Distillation, load_teacher
from tsm_tf.training.step.training_model import TrainingModel

CLIPS, LABELS = frames(8, 1, 1, 1, 3), np.arange(8) % 2


def dense(seed):
    keras.utils.set_random_seed(seed)
    layers = [keras.layers.Flatten(), keras.layers.Dense(4, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((1, 1, 1, 3)), *layers])
    model.spec = types.SimpleNamespace(input_size=1)
    return model


def log_softmax(x):
    return x - np.log(np.exp(x).sum(1, keepdims=True))


def test_loss_by_hand():
    student, teacher = dense(0), dense(1)
    model = TrainingModel(student, Distillation(teacher, 0.4, 4.0, steps=20))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    logits, wanted = array(student(CLIPS)), array(teacher(CLIPS))

    plain = -log_softmax(logits)[np.arange(8), LABELS].mean()
    p, q = log_softmax(wanted / 4), log_softmax(logits / 4)
    distance = 16 * (np.exp(p) * (p - q)).sum(1).mean()
    for step, share in ((0, 0.4), (5, 0.3), (20, 0.0), (25, 0.0)):
        model.optimizer.iterations.assign(step)
        loss = model.compute_loss(CLIPS, LABELS, student(CLIPS), None, training=True)
        np.testing.assert_allclose(array(loss), (1 - share) * plain + share * distance, rtol=1e-5)

    model.optimizer.iterations.assign(0)
    loss = model.compute_loss(CLIPS, LABELS, student(CLIPS), None, training=False)
    np.testing.assert_allclose(array(loss), plain, rtol=1e-5)


def test_only_the_clip_model_is_trained_and_saved():
    student, teacher = dense(0), dense(1)
    model = TrainingModel(student, Distillation(teacher, 0.5, 2.0, steps=4))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = [array(v) for v in (*student.variables, *teacher.variables)]
    model.fit(CLIPS, LABELS, verbose=0)

    assert [id(v) for v in model.variables] == [id(v) for v in student.variables]
    changed = [
        not np.array_equal(old, array(new))
        for old, new in zip(before, (*student.variables, *teacher.variables), strict=True)
    ]
    assert changed == [True] * 4 + [False] * 4
    np.testing.assert_array_equal(array(model(CLIPS)), array(student(CLIPS)))


def test_teacher_with_another_size_sees_the_same_clips(tmp_path):
    spec = ModelSpec(
        backbone="resnet18",
        input_size=32,
        num_segments=2,
        num_classes=2,
        labels=("a", "b"),
    )
    save_checkpoint(build_model(spec.replace(input_size=40)), tmp_path)
    teacher = load_teacher(tmp_path, spec)
    assert not teacher.trainable_variables

    model = TrainingModel(build_model(spec), Distillation(teacher, 0.5, 2.0, steps=1))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    clips = np.uint8(frames(2, 2, 32, 32, 3) * 50 + 128)
    assert np.isfinite(model.fit(clips, np.array([0, 1]), verbose=0).history["loss"]).all()

    with refuses("teacher", "num_segments", "2"):
        load_teacher(tmp_path, spec.replace(num_segments=4))
    with refuses("teacher", "labels"):
        load_teacher(tmp_path, spec.replace(labels=("b", "a")))
