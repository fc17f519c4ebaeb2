import keras
import numpy as np
import pytest
from analysis.maps import BIAS, COLORS, KERNEL, MIXED, linear_clip_model, small_maps
from testing import array, refuses, video_frames
from weights import with_weights

import tsm_tf
from tsm_tf.analysis import cam
from tsm_tf.analysis.activation_maps import (
    METHODS,
    Mapper,
    attention,
    find_pooled_head,
    foreground_threshold,
    map_tensors,
    resize_maps,
)

CLIP = video_frames(3, 32, 32, 3)


def test_cam_is_the_classifier_at_each_place():
    model = linear_clip_model()
    mapper = Mapper(model)
    assert (mapper.method, mapper.layer) == ("cam", "mix")
    for index in range(3):
        result = mapper(CLIP, index)
        expected = small_maps(CLIP) @ COLORS @ MIXED @ KERNEL[:, index]
        np.testing.assert_allclose(result.maps, expected, rtol=1e-5, atol=1e-3)
        np.testing.assert_allclose(result.logits, array(model(CLIP[None]))[0], rtol=1e-5)
        assert result.maps.mean() + BIAS[index] == pytest.approx(result.logits[index], rel=1e-5)


def test_without_a_class_the_predicted_one_is_mapped():
    mapper = Mapper(linear_clip_model())
    result = mapper(CLIP)
    np.testing.assert_array_equal(result.maps, mapper(CLIP, int(result.logits.argmax())).maps)


@pytest.mark.parametrize("shift_mode", ["none", "unidirectional", "bidirectional"])
def test_all_methods_agree_behind_average_pooling(shift_mode):
    model = linear_clip_model(shift_mode)
    cam, grad_cam, hires_cam = (
        Mapper(model, method)(CLIP, 1).maps for method in ("cam", "grad_cam", "hires_cam")
    )
    np.testing.assert_allclose(grad_cam, cam, rtol=1e-4, atol=1e-2)
    np.testing.assert_allclose(hires_cam, cam, rtol=1e-4, atol=1e-2)


def test_a_shifted_channel_counts_where_it_comes_from():
    """Before an online shift, the last frame's first channel reaches no later frame."""
    hires_cam = Mapper(linear_clip_model("unidirectional"), "hires_cam", "colors")(CLIP, 0)
    channels = small_maps(CLIP) @ COLORS
    channels[-1, ..., 0] = 0
    np.testing.assert_allclose(
        hires_cam.maps, channels @ MIXED @ KERNEL[:, 0], rtol=1e-4, atol=1e-2
    )


def test_grad_cam_weights_maps_with_mean_gradients():
    model = linear_clip_model(pooled=False)
    assert find_pooled_head(model) is None
    mapper = Mapper(model)
    assert (mapper.method, mapper.layer) == ("grad_cam", "mix")

    kernel = array(model.get_layer("scores").kernel).reshape(8, 8, 2, 3)
    weights = kernel[..., 2].mean(axis=(0, 1)) * 8 * 8  # per frame, the head sums over places
    expected = small_maps(CLIP) @ COLORS @ MIXED @ weights
    np.testing.assert_allclose(mapper(CLIP, 2).maps, expected, rtol=1e-3, atol=1e-2)

    at_each_place = (small_maps(CLIP) @ COLORS @ MIXED * kernel[..., 2] * 64).sum(axis=-1)
    hires_cam = Mapper(model, "hires_cam")(CLIP, 2).maps
    np.testing.assert_allclose(hires_cam, at_each_place, rtol=1e-3, atol=1e-2)


def test_frozen_models_have_gradients():
    model = linear_clip_model()
    expected = Mapper(model, "hires_cam")(CLIP, 1).maps
    model.trainable = False
    np.testing.assert_array_equal(Mapper(model, "hires_cam")(CLIP, 1).maps, expected)


def test_only_maps_that_everything_depends_on():
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 3, 2, padding="same", name="stem")(image)
    y = keras.layers.ZeroPadding2D(1, name="pad")(keras.layers.ReLU(name="relu")(x))
    x = keras.layers.Add(name="sum")([x, keras.layers.Conv2D(8, 3, name="branch")(y)])
    x = keras.layers.ZeroPadding2D(1, name="last_pad")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    network = keras.Model(image, keras.layers.Dense(3)(x))
    model = tsm_tf.retrofit(network, 2)
    assert [*map_tensors(model)] == ["frames", "stem", "sum"]


@pytest.mark.parametrize(
    ("size", "expected"),
    [(224, ("cam", "features_18_2")), (48, ("hires_cam", "features_4_conv_2"))],
)
def test_small_last_maps_are_not_mapped(size, expected):
    spec = tsm_tf.ModelSpec(width=0.35, num_segments=2, num_classes=3, input_size=size)
    mapper = Mapper(tsm_tf.build_model(spec))
    assert (mapper.method, mapper.layer) == expected


def test_temporal_pooling_repeats_maps():
    spec = tsm_tf.ModelSpec(
        backbone="resnet18",
        num_classes=3,
        num_segments=4,
        input_size=32,
        shift_mode="bidirectional",
        temporal_pool=True,
    )
    maps = Mapper(with_weights(tsm_tf.build_model(spec)), "hires_cam")(
        video_frames(4, 32, 32, 3)
    ).maps
    assert maps.shape == (4, 8, 8)
    np.testing.assert_array_equal(maps[::2], maps[1::2])
    assert not np.array_equal(maps[0], maps[2])


def test_the_command_has_all_methods():
    assert cam.METHODS == METHODS  # it must not import TensorFlow to define its flags


def test_errors():
    pooled, flat = linear_clip_model(), linear_clip_model(pooled=False)
    with refuses("method", "average-pooled", "cam"):
        Mapper(flat, "cam")
    with refuses("method", "one of cam, grad_cam, hires_cam", "sum"):
        Mapper(pooled, "sum")
    with refuses("layer", "one of frames, small, colors, mix", "scores"):
        Mapper(pooled, layer="scores")
    with refuses("layer", "must be mix", "colors"):
        Mapper(pooled, "cam", "colors")


def test_another_layer_is_mapped_with_its_gradients():
    mapper = Mapper(linear_clip_model(), layer="small")
    assert (mapper.method, mapper.layer) == ("hires_cam", "small")


def test_attention_counts_what_speaks_for_the_class():
    maps = np.array([[[1, -2], [0, 3]], [[-1, -1], [0, 0]]], "float32")
    expected = np.array([[[0.25, 0], [0, 0.75]], [[0, 0], [0, 0]]])
    np.testing.assert_allclose(attention(maps), expected)
    assert attention(-np.abs(maps)).sum() == 0


def test_the_threshold_keeps_a_fifth():
    maps = np.arange(1, 101, dtype="float32").reshape(4, 5, 5)
    assert (maps > foreground_threshold(maps)).sum() == 20
    assert foreground_threshold(-maps) == 0


def test_resizing_is_bilinear():
    maps = np.array([[[0, 4], [8, 12]]], "float32")
    expected = [[0, 1, 3, 4], [2, 3, 5, 6], [6, 7, 9, 10], [8, 9, 11, 12]]
    np.testing.assert_allclose(resize_maps(maps, 4)[0], expected)
