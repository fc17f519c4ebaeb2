import keras
import numpy as np
from fgfa import golden
from testing import array, frames

from tsm_tf.detection.fgfa.aggregate import aggregate, similarity_weights
from tsm_tf.detection.fgfa.embedding import build_embedding
from tsm_tf.detection.fgfa.flow_guided import FlowGuidedAggregation
from tsm_tf.detection.fgfa.flownet import build_flownet
from tsm_tf.detection.fgfa.warp import Warp


def golden_flow_network():
    """A flow network whose "images" are the golden flow: it returns that of the other image."""
    current, other = keras.Input((7, 9, 2)), keras.Input((7, 9, 2))
    return keras.Model([current, other], keras.layers.Add()([other, 0 * current]))


def no_embedding():
    inputs = keras.Input((7, 9, 8))
    return keras.Model(inputs, keras.layers.Activation("linear")(inputs))


def test_a_window_gives_the_golden_features():
    layer = FlowGuidedAggregation(golden_flow_network(), no_embedding(), std=(1, 1))
    found = layer.of_window(golden("flow"), golden("features"), golden("embeddings"))
    np.testing.assert_allclose(array(found)[0], golden("aggregated"), atol=1e-5)


def small_layer(**options):
    flownet = build_flownet(48, 64, 8, channels=2)
    embedding = build_embedding(6, 8, channels=4)
    for seed, layer in enumerate(x for m in (flownet, embedding) for x in m.layers if x.weights):
        kernel = layer.kernel
        kernel.assign(frames(*kernel.shape, seed=seed) * np.prod(kernel.shape[:3]) ** -0.5)
    return FlowGuidedAggregation(flownet, embedding, **options)


def test_a_sample_aggregates_the_other_frames_only():
    layer = small_layer(std=(0.2, 0.3, 0.4))
    images, features = frames(6, 48, 64, 3), frames(6, 6, 8, 4, seed=1)
    found = array(layer([images, features]))

    std = np.array([0.2, 0.3, 0.4], np.float32)
    for sample, one in enumerate(found):
        own, maps = images[3 * sample : 3 * sample + 3] * std, features[3 * sample : 3 * sample + 3]
        flow = layer.flownet([np.stack([own[0]] * 2), own[1:]])
        assert np.std(array(flow)) > 0.1
        warped = Warp()([maps[1:], flow])
        embeddings = layer.embedding(warped)[None]
        weights = similarity_weights(embeddings, layer.embedding(maps[:1]))
        np.testing.assert_allclose(one, array(aggregate(warped[None], weights))[0], atol=1e-5)


def test_flownet_gets_rgb():
    rgb = small_layer(std=(0.2, 0.3, 0.4))
    bgr = FlowGuidedAggregation(rgb.flownet, rgb.embedding, 3, (0.2, 0.3, 0.4), "bgr")
    images, features = frames(3, 48, 64, 3), frames(3, 6, 8, 4, seed=1)
    found = array(bgr([images[..., ::-1].copy(), features]))
    np.testing.assert_allclose(found, array(rgb([images, features])), atol=1e-6)


def test_mixed_precision():
    single = small_layer()
    weights = [array(x) for x in single.weights]
    values = [frames(3, 48, 64, 3), frames(3, 6, 8, 4, seed=1)]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = small_layer()
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(weights)
    found = mixed(values)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    found = array(keras.ops.cast(found, "float32"))
    np.testing.assert_allclose(found, array(single(values)), atol=0.1)
    assert {x.dtype for x in mixed.weights} == {"float32"}


def test_survives_keras_files(tmp_path):
    inputs = [keras.Input((48, 64, 3)), keras.Input((6, 8, 4))]
    model = keras.Model(inputs, small_layer(num_segments=4)(inputs))
    assert model.output.shape == (None, 6, 8, 4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    values = [frames(8, 48, 64, 3), frames(8, 6, 8, 4, seed=1)]
    expected = array(model(values))
    assert expected.shape == (2, 6, 8, 4)
    np.testing.assert_allclose(array(loaded(values)), expected, atol=1e-6)
