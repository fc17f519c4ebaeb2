import keras
import numpy as np
import pytest
from testing import array, frames, refuses

from tsm_tf import ModelSpec, build_model
from tsm_tf.backbones.bn_inception import bn_inception, first_part, second_part
from tsm_tf.layers.site import Site

SPEC = ModelSpec("bn_inception", num_classes=3, num_segments=2)


def sites(**changes):
    x = keras.Input((224, 224, 3))
    outputs = bn_inception(x, SPEC.replace(**changes))
    model = keras.Model(x, outputs)
    return [layer.output.shape[-1] for layer in model.layers if isinstance(layer, Site)], outputs


def test_shifts_where_the_official_code_can():
    in_place = [64, 192, 256, 320, 576, 576, 576, 608, 608, 1056, 1024]
    assert sites(shift_place="block")[0] == in_place
    assert sites(shift_place="blockres")[0] == [576, 576, 608, 1024]
    assert sites(shift_mode="none")[0] == []


def test_stages_have_falling_sizes():
    _, outputs = sites()
    assert {name: x.shape[1:] for name, x in outputs.items()} == {
        "stage_1": (56, 56, 192),
        "stage_2": (28, 28, 320),
        "stage_3": (14, 14, 608),
        "stage_4": (7, 7, 1024),
        "features": (7, 7, 1024),
    }


def test_the_two_parts_are_the_whole():
    x = keras.Input((224, 224, 3))
    before, double = first_part(x)
    assert (before.shape, double.shape) == ((None, 28, 28, 320), (None, 28, 28, 96))
    parts = keras.Model(x, second_part(before, double))
    whole = keras.Model(x, bn_inception(x, SPEC.replace(shift_mode="none"))["features"])
    for layer in whole.layers:  # the same layers, with the same names
        layer.set_weights(parts.get_layer(layer.name).get_weights() if layer.weights else [])
    image = frames(1, 224, 224, 3)
    np.testing.assert_allclose(array(parts(image)), array(whole(image)), rtol=0, atol=1e-6)


def test_narrow_networks_shift_in_the_same_places():
    assert sites(width=0.25)[0] == [144, 144, 152, 256]


@pytest.mark.parametrize("size", [223, 225, 226, 230])
def test_all_sizes_of_the_original_end_in_the_same_maps(size):
    model = build_model(SPEC).resized(size, 0.875)
    assert model.get_layer("inception_5b_output").output.shape[1:] == (7, 7, 1024)


@pytest.mark.parametrize("size", [222, 231, 112])
def test_refuses_other_sizes(size):
    with refuses("input_size", "from 223 to 230 for bn_inception", str(size)):
        SPEC.replace(input_size=size)


def test_prepares_frames_as_the_original():
    assert SPEC.channel_order == "bgr"
    model = build_model(SPEC)
    prepared = keras.Model(model.input, model.get_layer("frames").output)
    clip = np.zeros((1, 2, 224, 224, 3), "float32")
    clip[...] = [200, 117, 104]
    np.testing.assert_allclose(array(prepared(clip))[0, 0, 0], [0, 0, 72], rtol=0, atol=1e-4)
    flow = SPEC.replace(modality="flow", mean=None, std=None, channel_order=None)
    assert (flow.mean[0] * 255, flow.std[0] * 255) == (128, 1)
