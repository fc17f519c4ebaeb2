import keras
import numpy as np
import pytest
from testing import array, refuses

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.devices import Devices, precision
from tsm_tf.training.model import build_initialised, make_model, prepare_layers
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution, Initialization
from tsm_tf.training.step.accumulate import AccumulatingModel
from tsm_tf.training.step.parameter_groups import batch_norms
from tsm_tf.weights.checkpoint import load_checkpoint

SPEC = ModelSpec(
    backbone="resnet18",
    num_segments=2,
    input_size=32,
    num_classes=2,
    labels=("a", "b"),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(build_model(SPEC), folder)
    return str(folder)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_mixed_precision_keeps_weights_and_logits_in_float32(name):
    with precision(name):
        model = build_model(SPEC)
    conv, head = model.get_layer("conv1"), model.get_layer("head")
    assert conv.compute_dtype == head.compute_dtype == name
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.weights} == {"float32"}
    logits = model(np.zeros((1, 2, 32, 32, 3), np.uint8))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize("name", ["float16", None])
def test_an_error_leaves_the_global_precision_as_it_was(name):
    before = keras.config.dtype_policy().name
    with pytest.raises(RuntimeError, match="within"), precision(name):
        assert keras.config.dtype_policy().name == (f"mixed_{name}" if name else before)
        raise RuntimeError("within")
    assert keras.config.dtype_policy().name == before


def test_a_model_that_cannot_be_made_leaves_the_global_precision_as_it_was(checkpoint):
    before = keras.config.dtype_policy().name
    arguments = get_recipe("gestures"), Initialization(init=checkpoint)
    execution = Execution(mixed_precision="bfloat16")
    with refuses("init", "layer1_2_conv1/kernel"):
        make_model(SPEC.replace(backbone="resnet34"), *arguments, execution, Devices(), 1)
    assert keras.config.dtype_policy().name == before


def test_initial_weights(checkpoint, capsys):
    source = Initialization(init=checkpoint)
    _, new_head = build_initialised(SPEC, get_recipe("gestures"), source)
    assert not new_head
    assert f"initial weights from {checkpoint}; new: none" in capsys.readouterr().out

    three = SPEC.replace(num_classes=3, labels=("x", "y", "z"))
    _, new_head = build_initialised(three, get_recipe("gestures"), source)
    assert new_head
    assert "new: head/kernel, head/bias" in capsys.readouterr().out

    _, new_head = build_initialised(SPEC, get_recipe("ucf101"), Initialization())
    assert new_head
    assert "the paper starts from kinetics" in capsys.readouterr().out
    build_initialised(SPEC, get_recipe("gestures"), Initialization())
    assert capsys.readouterr().out == ""


def test_flow_starts_from_an_rgb_checkpoint(checkpoint, capsys):
    """Its first convolution gets the mean over the colours, and learns five times as fast."""
    spec = SPEC.replace(modality="flow", mean=None, std=None)
    flow, new_head = build_initialised(spec, get_recipe("gestures"), Initialization(checkpoint))
    assert not new_head
    assert f"initial weights from {checkpoint}; new: none" in capsys.readouterr().out

    mean = array(load_checkpoint(checkpoint).get_layer("conv1").kernel).mean(axis=2)
    found = array(flow.get_layer("conv1").kernel)
    assert found.shape[2] == 10
    for channel in range(10):
        np.testing.assert_array_equal(found[:, :, channel], mean)

    recipe = get_recipe("something_v1", modality="flow")
    model = make_model(spec, recipe, Initialization(checkpoint), Execution(), Devices(), steps=1)
    assert model.optimizer.groups["conv1/kernel"] == (5, 1)
    assert model.optimizer.groups["head/kernel"] == (1, 1)


def test_layers_are_prepared():
    model = build_model(SPEC)
    prepare_layers(model, partial_bn=True, synchronized=True)
    first, *others = batch_norms(model)
    assert first.trainable and not any(layer.trainable for layer in others)
    assert all(layer.synchronized for layer in (first, *others))

    model = build_model(SPEC)
    prepare_layers(model, partial_bn=False, synchronized=False)
    assert all(layer.trainable and not layer.synchronized for layer in batch_norms(model))


def test_a_recipe_with_everything(checkpoint, capsys):
    recipe = get_recipe("something_v1", accumulate=2, epochs=4)
    source = Initialization(teacher=checkpoint, distill_weight=0.25, temperature=3.0)
    execution = Execution(jit_compile=True)
    model = make_model(SPEC, recipe, source, execution, Devices(), steps=10)
    assert isinstance(model, AccumulatingModel) and model.parts == 2 and model.jit_compile
    found = model.distillation
    assert (found.weight, found.temperature, found.steps) == (0.25, 3.0, 40)
    assert f"teacher: {checkpoint}" in capsys.readouterr().out
    optimizer = model.optimizer
    assert (optimizer.momentum, optimizer.global_clipnorm) == (0.9, 20.0)
    assert optimizer.groups["head/kernel"] == (5, 1)
    assert model.clip_model.spec == SPEC
    assert array(model.optimizer.learning_rate) == pytest.approx(0.01)
