"""Covers tsm_tf/models/keras_json.py and tsm_tf/models/keras_classes.py; see also tests/hostile."""

import concurrent.futures
import json

import keras
import numpy as np
import pytest
from testing import array, refuses

import tsm_tf
from tsm_tf.keras_internals import limited_weights
from tsm_tf.models.keras_classes import CLASSES
from tsm_tf.models.keras_json import model_from_json


def same(model):
    """Asserts that a model's JSON passes the gate and gives the same model."""
    built = model_from_json(model.to_json(), "keras_json")
    assert json.loads(built.to_json()) == json.loads(model.to_json())
    return built


@pytest.mark.parametrize("name", ["MobileNetV3Small", "ConvNeXtTiny"])
def test_networks_of_keras_pass(name):
    same(getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3"),
        *("MobileNet", "MobileNetV2", "NASNetMobile", "ResNet50", "ResNet50V2", "Xception"),
    ],
)
def test_more_networks_of_keras_pass(name):
    same(getattr(keras.applications, name)(weights=None))


def test_every_class_on_the_list_exists():
    """Names that Keras does not know would hide a spelling mistake; one was in older versions."""
    for module, names in CLASSES.items():
        namespace = keras
        for part in module.split(".")[1:]:
            namespace = getattr(namespace, part)
        missing = {name for name in names if not hasattr(namespace, name)}
        assert missing <= {"ThresholdedReLU"}, module


def test_usual_layers_constants_and_operations_pass():
    image = keras.Input((32, 32, 3))
    x = keras.layers.RandomFlip("horizontal")(image)
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(x)
    x = keras.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(x)
    x = keras.layers.Conv2D(8, 3, kernel_regularizer="l2", kernel_constraint="max_norm")(x)
    x = keras.layers.Activation(keras.activations.gelu)(x)
    x = keras.ops.relu(x[:, 1:, :-1]) * np.float32(2) + np.ones(8, "float32")
    x = keras.layers.Conv2D(8, 1, activation=keras.layers.LeakyReLU(negative_slope=0.1))(x)
    tail = keras.Sequential([keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
    model = keras.Model(image, tail(x))
    built = same(model)
    built.set_weights(model.get_weights())
    frames = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    outputs = [array(network(frames, training=False)) for network in (built, model)]
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_registered_layers_pass_and_others_do_not():
    image = keras.Input((8, 8, 3))
    text = keras.Model(image, Doubled()(image)).to_json()
    built = model_from_json(text, "keras_json")
    np.testing.assert_array_equal(array(built(np.ones((1, 8, 8, 3)))), np.full((1, 8, 8, 3), 2))
    with refuses("keras_json", "registered layers", "tsm_tf.retrofit"):
        model_from_json(text.replace("tests>Doubled", "tests>Tripled"), "keras_json")


def test_a_clip_model_passes():
    spec = tsm_tf.ModelSpec(num_classes=3, num_segments=2, input_size=32, width=0.1)
    model = tsm_tf.build_model(spec)
    assert model_from_json(model.to_json(), "weights").spec == spec


def test_a_registered_name_does_not_replace_a_class():
    """Keras looks for the registered name first."""
    text = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).to_json()
    description = json.loads(text)
    description["config"]["layers"][1]["registered_name"] = "tests>Doubled"
    built = model_from_json(json.dumps(description), "keras_json")
    assert type(built.layers[0]) is keras.layers.Dense


def test_weights_are_limited_before_they_are_allocated():
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(10, 3, use_bias=False)(image))
    text = model.to_json()
    assert model_from_json(text, "keras_json", max_weights=270).count_params() == 270
    with refuses("keras_json", "at most 269 weights", "(3, 3, 3, 10)"):
        model_from_json(text, "keras_json", max_weights=269)
    with refuses("keras_json", "at most 400,000,000 weights"):
        model_from_json(text.replace('"filters": 10,', '"filters": 100000000,'), "keras_json")


def test_threads_take_turns_and_leave_nothing_behind():
    original = keras.layers.Layer.add_weight
    text = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).to_json()
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda _: model_from_json(text, "a", max_weights=10), range(8)))
    assert {model.count_params() for model in models} == {10}
    assert keras.layers.Layer.add_weight is original


def test_weights_that_are_loaded_next_start_as_zeros():
    with limited_weights(12, "checkpoint", zeros=True):
        layer = keras.layers.Dense(3)
        layer.build((None, 3))
    assert not array(layer.kernel).any()
    other = keras.layers.Dense(3)
    other.build((None, 3))
    assert array(other.kernel).all()
