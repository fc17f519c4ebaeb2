import keras
import numpy as np
import pytest
from testing import array, refuses, step, video_frames
from weights import with_weights

import tsm_tf

NETWORKS = ("MobileNetV2", "ResNet50V2", "EfficientNetB0", "MobileNetV3Small", "DenseNet121")
SITES = {
    "MobileNetV2": 10,
    "ResNet50": 16,
    "ResNet50V2": 16,
    "EfficientNetB0": 9,
    "EfficientNetV2B0": 15,
    "MobileNetV3Small": 6,
    "Xception": 12,
    "ConvNeXtTiny": 18,
}


def application(name, size=64, **options):
    options = {"weights": None, "input_shape": (size, size, 3), "classes": 7, **options}
    return with_weights(getattr(keras.applications, name)(**options))


def small_network(size=32, add=lambda x, y: x + y):
    """Two residual blocks, one added by operator, an in-between without identity, and a softmax."""
    x = image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(16, 3, 2, padding="same", name="stem")(x)
    y = keras.layers.Conv2D(16, 3, padding="same", activation="relu", name="a1")(x)
    x = add(x, keras.layers.Conv2D(16, 3, padding="same", name="a2")(y))
    x = keras.layers.Conv2D(24, 3, 2, padding="same", activation="relu", name="between")(x)
    y = keras.layers.BatchNormalization(name="b1")(x)
    y = keras.layers.Conv2D(24, 3, padding="same", activation="relu", name="b2")(y)
    x = keras.layers.Add(name="b")([y, x])
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return with_weights(
        keras.Model(
            image, keras.layers.Dense(5, activation="softmax", name="scores")(x), name="small"
        )
    )


def softmax(logits):
    return array(keras.ops.softmax(logits))


def per_frame_of(network, clips, **options):
    """What a retrofit without shift gives for each frame, and what the 2D network gives."""
    model = tsm_tf.retrofit(network, clips.shape[1], "none", per_frame=True, **options)
    frames = clips.reshape(-1, *clips.shape[2:])
    return array(model(clips)).reshape(len(frames), -1), array(network(frames, training=False))


@pytest.mark.parametrize("name", SITES)
def test_finds_the_residual_branches(name):
    sites = tsm_tf.find_shift_sites(application(name, 96))
    assert len(sites) == SITES[name]
    assert sum("12.5% of the channels" in str(site) for site in sites) >= len(sites) - 2


@pytest.mark.parametrize("name", NETWORKS)
def test_without_shift_it_is_the_network(name):
    logits, scores = per_frame_of(
        application(name), video_frames(2, 2, 64, 64, 3).astype("float32")
    )
    assert scores.std() > 1e-3
    np.testing.assert_allclose(softmax(logits), scores, atol=2e-6)


OTHERS = {
    # of each family, and the size of frames to build it for
    **{
        "ConvNeXtTiny": 64,
        "DenseNet169": 64,
        "EfficientNetB1": 64,
        "EfficientNetV2B1": 64,
        "EfficientNetV2S": 64,
    },
    **{
        "InceptionV3": 96,
        "InceptionResNetV2": 96,
        "MobileNet": 64,
        "MobileNetV3Large": 64,
        "NASNetMobile": 96,
    },
    **{"ResNet50": 64, "ResNet101V2": 64, "VGG16": 32, "Xception": 96},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_without_shift_every_family_is_its_network(name):
    size = OTHERS[name]
    logits, scores = per_frame_of(
        application(name, size), video_frames(1, 2, size, size, 3).astype("float32")
    )
    np.testing.assert_allclose(softmax(logits), scores, atol=1e-5)


def test_sites_and_values_of_a_small_network():
    network = small_network()
    assert [s[:2] for s in tsm_tf.find_shift_sites(network)] == [
        ("a1", (16, 16, 16)),
        ("b1", (8, 8, 24)),
    ]
    clips = video_frames(1, 3, 32, 32, 3).astype("float32")
    model = tsm_tf.retrofit(network, 3, "unidirectional", per_frame=True)
    layer = {layer.name: layer for layer in network.layers}

    def shifted(x):  # by hand: an eighth of the channels comes from the frame before
        x, fold = array(x).copy(), x.shape[-1] // 8
        x[1:, ..., :fold], x[0, ..., :fold] = x[:-1, ..., :fold].copy(), 0
        return x

    x = layer["stem"](clips[0])
    x = x + layer["a2"](layer["a1"](shifted(x)))
    x = layer["between"](x)
    x = x + layer["b2"](layer["b1"](shifted(x)))
    expected = array(layer["scores"](layer["pool"](x)))
    np.testing.assert_allclose(softmax(model(clips))[0], expected, atol=1e-6)


def test_shares_the_weights_and_changes_nothing():
    network = small_network()
    config, before = network.get_config(), network.get_weights()
    trainable = [v.trainable for v in network.variables]
    model = tsm_tf.retrofit(network, 2, batch_norm_momentum=0.5, freeze_batch_norm=True)
    assert {id(v) for v in model.variables} == {id(v) for v in network.variables}
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = video_frames(2, 2, 32, 32, 3)
    model.fit(x, np.array([0, 1]), verbose=0)
    after = dict(zip([v.path for v in network.variables], network.get_weights(), strict=True))
    unchanged = [
        v.path
        for v, a in zip(network.variables, before, strict=True)
        if np.array_equal(a, after[v.path])
    ]
    assert sorted(unchanged) == [
        "b1/moving_mean",
        "b1/moving_variance",
    ]  # frozen; all else has trained in both
    assert network.get_config() == config and [v.trainable for v in network.variables] == trainable
    assert network.get_layer("scores").activation is keras.activations.softmax
    np.testing.assert_allclose(array(network(x[:, 0])).sum(-1), 1, atol=1e-6)


def test_momentum_of_batch_norms():
    network = small_network()
    moving = network.get_layer("b1").moving_mean
    start = array(moving)
    x, steps = video_frames(4, 2, 32, 32, 3).astype("float32"), {}
    for momentum in (None, 0.5):
        moving.assign(start)
        tsm_tf.retrofit(network, 2, batch_norm_momentum=momentum)(x, training=True)
        steps[momentum] = array(moving) - start
    np.testing.assert_allclose(steps[0.5] / steps[None], 0.5 / 0.01, rtol=1e-3)


def test_nested_and_shared_layers():
    block = keras.Sequential(
        [keras.Input((16, 16, 16)), keras.layers.Conv2D(16, 3, padding="same", name="c")]
    )
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(16, 3, 2, padding="same")(image)
    x = x + block(x)
    x = keras.layers.Add()([block(x), x])
    base = keras.Model(image, x, name="base")
    outer = keras.Input((32, 32, 3))
    x = base(keras.layers.Rescaling(1 / 255)(outer), training=False)
    scores = keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x))
    network = with_weights(keras.Model(outer, keras.layers.Activation("softmax")(scores)))
    assert [site.layer for site in tsm_tf.find_shift_sites(network)] == ["c", "c"]
    clips = video_frames(1, 2, 32, 32, 3)
    logits, scores = per_frame_of(network, clips)
    np.testing.assert_allclose(softmax(logits), scores, atol=1e-6)
    model = tsm_tf.retrofit(network, 2)
    assert np.abs(array(model(clips)) - array(model(clips[:, ::-1].copy()))).max() > 1e-3


def test_where_for_networks_that_add_nothing():
    network = application("VGG16", 32, include_top=False, pooling="avg")
    with refuses("where", "names of layers, or a predicate", "vgg16"):
        tsm_tf.retrofit(network)
    named = tsm_tf.retrofit(network, 2, where=["block3_conv1", "block4_conv1"], num_classes=3)
    convs = tsm_tf.find_shift_sites(
        network, where=lambda layer: layer.name.endswith("conv1"), shift_div=3
    )
    assert [site.layer for site in convs] == [f"block{i}_conv1" for i in range(1, 6)]
    assert [layer.name for layer in named.layers if "shift" in layer.name] == [
        "shift_00",
        "shift_01",
    ]
    with refuses("where", "name layers of vgg16", "block9"):
        tsm_tf.retrofit(network, where=["block9"])
    with refuses("shift_div", "block1_conv1", "3)", "8"):
        tsm_tf.retrofit(network, where=["block1_conv1"])


@pytest.mark.parametrize("name", ["MobileNetV2", "MobileNetV3Small"])
def test_new_head(name):
    network = application(name)
    model = tsm_tf.retrofit(network, 2, num_classes=3, labels=("a", "b", "c"))
    assert model.output.shape == (None, 3) and model.spec.labels == ("a", "b", "c")
    old = {id(v) for v in network.variables}
    assert sorted(v.path for v in model.variables if id(v) not in old) == [
        "head/bias",
        "head/kernel",
    ]
    assert tsm_tf.retrofit(application(name, include_top=False), 2, num_classes=3).output.shape == (
        None,
        3,
    )


def test_streams_like_the_clip():
    network = small_network()
    model = tsm_tf.retrofit(network, 3, "unidirectional", per_frame=True)
    clips = video_frames(2, 3, 32, 32, 3)
    expected = array(model(clips))
    stream = tsm_tf.build_stream_model(model, batch_size=2)
    caches = stream.initial_state(2)
    for t in range(3):
        logits, caches = step(stream, clips[:, t], caches)
        np.testing.assert_allclose(
            logits, expected[:, t], rtol=0, atol=1e-5 * np.abs(expected).max()
        )


def test_checkpoint_needs_no_code_of_the_users(tmp_path):
    model = tsm_tf.retrofit(
        small_network(), 3, "unidirectional", batch_norm_momentum=0.9, preprocess="caffe"
    )
    tsm_tf.save_checkpoint(model, tmp_path)
    loaded = tsm_tf.load_checkpoint(tmp_path)
    x = video_frames(1, 3, 32, 32, 3)
    np.testing.assert_allclose(array(loaded(x)), array(model(x)), atol=1e-6)
    assert loaded.spec == model.spec and loaded.get_layer("b1").momentum == 0.9
    assert len(tsm_tf.build_stream_model(loaded).input) == 3


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_preprocessing_is_that_of_keras(mode):
    network = small_network()
    clips = video_frames(1, 2, 32, 32, 3)
    logits = array(tsm_tf.retrofit(network, 2, "none", per_frame=True, preprocess=mode)(clips))[0]
    normalised = keras.applications.imagenet_utils.preprocess_input(
        clips[0].astype("float32"), mode=mode
    )
    np.testing.assert_allclose(softmax(logits), array(network(normalised)), atol=1e-5)


def test_preprocessing_by_mean_and_std():
    network, clips = small_network(), video_frames(1, 2, 32, 32, 3)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    logits = array(
        tsm_tf.retrofit(network, 2, "none", per_frame=True, preprocess=(mean, std))(clips)
    )[0]
    normalised = ((clips[0] / 255 - np.array(mean)) / np.array(std)).astype("float32")
    np.testing.assert_allclose(softmax(logits), array(network(normalised)), atol=1e-5)
    with refuses("std", "3 values"):
        tsm_tf.retrofit(network, 2, preprocess=(mean, (1.0,)))


class Subclassed(keras.Model):
    def call(self, inputs):
        return inputs


def test_refuses_what_has_no_graph_to_shift_in():
    image = keras.Input((32, 32, 3))
    with refuses("model_2d", "the graph of others is unknown", "Subclassed"):
        tsm_tf.retrofit(Subclassed())
    with refuses("model_2d", "built", "Sequential"):
        tsm_tf.retrofit(keras.Sequential([keras.layers.Dense(2)]))
    with refuses("model_2d", "one input and one output", "2 outputs"):
        tsm_tf.retrofit(keras.Model(image, [image + 1.0, image + 2.0]))
    clip = keras.Input((8, 32, 32, 3))
    with refuses("model_2d", "already has a time axis"):
        tsm_tf.retrofit(keras.Model(clip, clip + 1.0))
    for shape in ((None, None, 3), (32, 48, 3), (32, 32, 1)):
        x = keras.Input(shape)
        with refuses("model_2d", "square images"):
            tsm_tf.retrofit(keras.Model(x, x + 1.0))
    with refuses("preprocess", "caffe", "imagenet"):
        tsm_tf.retrofit(small_network(), preprocess="imagenet")
    with refuses("model_2d", "class scores"):
        tsm_tf.retrofit(application("MobileNetV2", include_top=False))
    with refuses("shift_div", "at most the channels", "64"):
        tsm_tf.retrofit(small_network(), shift_div=64)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_loaded_files(suffix, tmp_path):
    network = small_network(
        add=lambda x, y: keras.layers.Add()([x, y])
    )  # Keras itself cannot load `+` from .h5
    network.save(tmp_path / f"network{suffix}")
    clips = video_frames(1, 2, 32, 32, 3)
    logits, scores = per_frame_of(keras.saving.load_model(tmp_path / f"network{suffix}"), clips)
    np.testing.assert_allclose(scores, array(network(clips[0])), atol=1e-6)
    np.testing.assert_allclose(softmax(logits), scores, atol=1e-6)
