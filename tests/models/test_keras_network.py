import keras
import numpy as np
import pytest
from testing import array, refuses, video_frames

import tsm_tf
from tsm_tf.models.keras_network import last_maps


def test_a_description_runs_no_code(tmp_path):
    image = keras.Input((32, 32, 3))
    x = keras.layers.Lambda(lambda x: x * 2)(image)
    x = x + keras.layers.Conv2D(3, 1)(x)
    network = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x)))
    spec = tsm_tf.retrofit(network, 2, shift_div=3).spec
    with refuses("keras_json", "ambda"):
        tsm_tf.build_model(spec)
    for text in ("{}", "[1]", "text", '{"class_name": "Dense", "config": {"units": 2}}'):
        with refuses("keras_json"):
            tsm_tf.build_model(spec.replace(keras_json=text))


@pytest.mark.parametrize(
    "name", ["ResNet50", "ResNet50V2", "EfficientNetB0", "DenseNet121", "MobileNet", "VGG16"]
)
def test_specs_know_their_networks_preprocessing(name):
    module = {
        "ResNet50V2": "resnet_v2",
        "EfficientNetB0": "efficientnet",
        "DenseNet121": "densenet",
    }
    preprocess = getattr(keras.applications, module.get(name, name.lower())).preprocess_input
    x = video_frames(2, 8, 8, 3).astype("float32")
    spec = tsm_tf.ModelSpec(backbone=f"keras:{name}")
    ours = (x / 255 - np.array(spec.mean)) / np.array(spec.std)
    ours = ours[..., ::-1] if spec.channel_order == "bgr" else ours
    np.testing.assert_allclose(ours, preprocess(x.copy()), atol=1e-4)


def test_named_network(tmp_path):
    spec = tsm_tf.ModelSpec(
        backbone="keras:MobileNetV2", width=0.35, num_classes=4, num_segments=2, input_size=64
    )
    model = tsm_tf.build_model(spec)
    assert sum("shift_" in layer.name for layer in model.layers) == 10
    tsm_tf.save_checkpoint(model, tmp_path)
    x = video_frames(1, 2, 64, 64, 3)
    np.testing.assert_allclose(
        array(tsm_tf.load_checkpoint(tmp_path)(x)), array(model(x)), atol=1e-6
    )
    with refuses("backbone", "keras.applications", "keras:MobileNetV9"):
        tsm_tf.build_model(tsm_tf.ModelSpec(backbone="keras:MobileNetV9"))


def test_a_network_that_cannot_be_that_small_is_one_line():
    with refuses("input_size", "from 75", "keras:InceptionV3", "32"):
        tsm_tf.ModelSpec(backbone="keras:InceptionV3", input_size=32)
    with refuses("backbone", "can be built", "keras:MobileNet"):
        tsm_tf.build_model(tsm_tf.ModelSpec(backbone="keras:MobileNet", width=0.01, input_size=32))


def test_the_last_maps_are_in_front_of_the_head():
    image = keras.Input((32, 32, 3))
    maps = keras.layers.Conv2D(4, 3)(keras.layers.Conv2D(8, 3)(image))
    x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps))
    assert last_maps(keras.Model(image, x)).shape == (None, 28, 28, 4)


def test_a_head_that_is_no_chain_leaves_no_maps():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="a")(image)
    x = keras.layers.Add()([x, keras.layers.Conv2D(4, 3, padding="same", name="b")(x)])
    pooled = [keras.layers.GlobalAveragePooling2D()(x), keras.layers.GlobalMaxPooling2D()(x)]
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.Concatenate()(pooled)))
    assert last_maps(model) is model.output

    clip_model = tsm_tf.retrofit(model, 3, "none", shift_div=2, per_frame=True)
    x = video_frames(1, 3, 32, 32, 3).astype("float32")
    np.testing.assert_allclose(array(clip_model(x))[0], array(model(x[0])), rtol=1e-4, atol=1e-3)
