"""Also covers `residual.py`."""

import keras
import pytest

from tsm_tf.backbones.resnet_v1 import resnet_small, resnet_v1
from tsm_tf.keras_internals import flatten_layers
from tsm_tf.layers.site import Site
from tsm_tf.spec import ModelSpec


def build(backbone, size=64, **fields):
    frames = keras.Input((size, size, 3))
    builder = resnet_small if backbone == "resnet_small" else resnet_v1
    spec = ModelSpec(backbone, input_size=size, **fields)
    return keras.Model(frames, builder(frames, spec))


def test_the_stride_is_in_the_first_convolution_of_a_stage():
    model = build("resnet50_v1")
    for stage in (2, 3, 4):
        block = f"layer{stage}_0"
        strides = [model.get_layer(f"{block}_conv{i}").strides[0] for i in (1, 2, 3)]
        assert strides == [2, 1, 1] and model.get_layer(f"{block}_downsample_0").strides == (2, 2)
        assert model.get_layer(f"layer{stage}_1_conv1").strides == (1, 1)
    shapes = {name: x.shape[1:] for name, x in model.output.items()}
    assert shapes["stage_1"] == (16, 16, 256) and shapes["features"] == (2, 2, 2048)
    assert model.get_layer("maxpool_pad").padding == ((0, 1), (0, 1))  # as Caffe's rounding up
    norms = [x for x in flatten_layers(model) if isinstance(x, keras.layers.BatchNormalization)]
    assert {x.epsilon for x in norms} == {2e-5}
    # As many as in ResNet v1.5 without its classifier: only the strides are elsewhere.
    assert model.count_params() == 23_508_032 + 53_120


@pytest.mark.parametrize(
    ("backbone", "place", "count"),
    [
        ("resnet50_v1", "blockres", 16),
        ("resnet101_v1", "blockres", 2 + 2 + 12 + 2),  # every second block of a deep network
        ("resnet_small", "blockres", 8),
        ("resnet_small", "block", 8),
    ],
)
def test_sites(backbone, place, count):
    layers = build(backbone, shift_place=place).layers
    assert sum(isinstance(layer, Site) for layer in layers) == count


def test_the_small_network_ends_at_stride_16():
    shapes = {name: x.shape[1:] for name, x in build("resnet_small").output.items()}
    assert shapes == {
        "stage_1": (16, 16, 24),
        "stage_2": (8, 8, 48),
        "stage_3": (4, 4, 64),
        "features": (4, 4, 64),
    }
