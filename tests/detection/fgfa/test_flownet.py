import numpy as np
import pytest
from testing import array, frames, refuses

from tsm_tf.detection.fgfa.flownet import build_flownet


def test_the_papers_size():
    model = build_flownet(600, 1000)
    assert model.output.shape == (None, 38, 63, 2)
    assert model.get_layer("flow_deconv5").output.shape[1:] == (12, 18, 512)
    assert model.get_layer("flow_deconv5_crop").output.shape[1:] == (10, 16, 512)
    assert model.count_params() == 38_676_514


@pytest.mark.parametrize(("height", "width"), [(64, 96), (75, 101), (33, 130)])
@pytest.mark.parametrize("stride", [8, 16])
def test_the_flow_has_the_size_of_the_features(height, width, stride):
    model = build_flownet(height, width, stride, channels=2)
    assert model.output.shape == (None, -(-height // stride), -(-width // stride), 2)


def convolve(x, kernel, bias, stride=1):
    """A convolution of `[H, W, C]`, padded by half the kernel on all sides."""
    size = kernel.shape[0]
    x = np.pad(x, ((size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    height, width = (x.shape[0] - size) // stride + 1, (x.shape[1] - size) // stride + 1
    out = np.zeros((height, width, kernel.shape[-1])) + bias
    for i, j in np.ndindex(size, size):
        out += x[i : i + stride * height : stride, j : j + stride * width : stride] @ kernel[i, j]
    return out


def deconvolve(x, kernel, bias, like):
    """Each pixel is spread over 4 x 4 pixels, two apart; cropped at offset 1."""
    height, width = x.shape[:2]
    out = np.zeros((2 * height + 2, 2 * width + 2, kernel.shape[2])) + bias
    for i, j in np.ndindex(4, 4):
        out[i : i + 2 * height : 2, j : j + 2 * width : 2] += x @ kernel[i, j].T
    return out[1 : 1 + like.shape[0], 1 : 1 + like.shape[1]]


def halve(x):
    height, width = x.shape[:2]
    padded = np.full((height + height % 2, width + width % 2, x.shape[2]), np.nan)
    padded[:height, :width] = x
    parts = [padded[i::2, j::2] for i, j in np.ndindex(2, 2)]
    return np.nanmean(parts, axis=0)


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def flownet_by_hand(weights, current, other, stride):
    """FlowNet-S as FGFA's symbol describes it, in numpy."""
    x = halve(np.concatenate([current, other], axis=-1))
    found = {}
    for name, step in (
        *(("conv1", 2), ("conv2", 2), ("conv3", 2), ("conv3_1", 1), ("conv4", 2)),
        *(("conv4_1", 1), ("conv5", 2), ("conv5_1", 1), ("conv6", 2), ("conv6_1", 1)),
    ):
        found[name] = x = leaky(convolve(x, *weights[name], step))

    for number, skip in ((1, "conv5_1"), (2, "conv4_1"), (3, "conv3_1"), (4, "conv2")):
        flow = convolve(x, *weights[f"Convolution{number}"])
        like = found[skip]
        larger = leaky(deconvolve(x, *weights[f"deconv{6 - number}"], like))
        name = f"upsample_flow{7 - number}to{6 - number}"
        x = np.concatenate([like, larger, deconvolve(flow, *weights[name], like)], axis=-1)
    if stride == 16:
        x = halve(x)
    return {16: 2.5, 8: 5.0}[stride] * convolve(x, *weights["Convolution5"])


@pytest.mark.parametrize("stride", [8, 16])
def test_by_hand(stride):
    model = build_flownet(75, 101, stride, channels=2)
    weights = {}
    for seed, layer in enumerate(x for x in model.layers if x.weights):
        kernel, bias = layer.weights
        deviation = np.prod(kernel.shape[:2]) ** -0.5 / 2
        kernel.assign(deviation * frames(*kernel.shape, seed=seed))
        bias.assign(0.1 * frames(*bias.shape, seed=seed + 100))
        weights[layer.name.removeprefix("flow_")] = (array(kernel), array(bias))
    current, other = frames(1, 75, 101, 3), frames(1, 75, 101, 3, seed=1)

    found = array(model([current, other]))[0]
    expected = flownet_by_hand(weights, current[0], other[0], stride)
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_another_stride_is_refused():
    with refuses("stride", "(8, 16)", "32"):
        build_flownet(64, 64, stride=32)
