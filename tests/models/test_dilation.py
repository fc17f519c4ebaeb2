import keras
import numpy as np
import pytest
from testing import array, frames, refuses

from tsm_tf.catalogue import find_architecture
from tsm_tf.models.dilation import dilated
from tsm_tf.spec import ModelSpec


def features(backbone, size):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((*size, 3))
    spec = ModelSpec(backbone, input_size=max(size))
    outputs = find_architecture(backbone).load_builder()(inputs, spec)
    return keras.Model(inputs, outputs["features"])


@pytest.mark.parametrize(
    ("backbone", "own_stride", "stride"),
    [("resnet_small", 16, 8), ("mobilenet_v2", 32, 16), ("keras:MobileNetV2", 32, 8)],
)
def test_each_feature_of_the_original_is_still_there(backbone, own_stride, stride):
    """Also with asymmetric padding, and of frames whose size is no multiple of the stride."""
    size = (64, 32) if backbone.startswith("keras") else (40, 56)
    clip = frames(1, *size, 3)
    original = features(backbone, size)
    model = dilated(features(backbone, size), stride)
    model.set_weights(original.get_weights())

    found, expected, ratio = array(model(clip)), array(original(clip)), own_stride // stride
    assert found.shape[1:3] == tuple(-(-pixels // stride) for pixels in size)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found[:, ::ratio, ::ratio] / scale, expected / scale, atol=1e-4)


def test_layers_keep_their_names_and_weights():
    original = features("resnet_small", (32, 32))
    paths = [(v.path, v.shape) for v in original.variables]
    model = dilated(original, 8)
    assert [(v.path, v.shape) for v in model.variables] == paths
    assert model.get_layer("layer3_0_conv1").strides == (1, 1)
    assert model.get_layer("layer3_0_conv1").dilation_rate == (1, 1)
    assert model.get_layer("layer3_0_conv2").dilation_rate == (2, 2)
    assert model.get_layer("layer2_2_conv2").dilation_rate == (1, 1)


def test_a_stride_that_is_no_convolution_is_refused():
    x = inputs = keras.Input((64, 64, 3))
    for number in range(3):
        x = keras.layers.MaxPooling2D(2, name=f"pool{number}")(x)
    with refuses("backbone", "no other layer than convolutions", "pool2", "MaxPooling2D"):
        dilated(keras.Model(inputs, x), 4)
