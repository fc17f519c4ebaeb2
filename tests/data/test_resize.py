"""The resize filter: against its formula, against PIL, and decoded files against arrays."""

import concurrent.futures

import numpy as np
import pytest
from PIL import Image
from testing import refuses
from videos import natural_videos

from tsm_tf.data.resize import Resizer, resize_short_side, scaled_size
from tsm_tf.data.sources.video_file import read_frames
from tsm_tf.spec import INTERPOLATIONS


def weights(n, m):
    """The matrix `[m, n]` of the module's docstring."""
    scale, matrix = n / m, np.zeros((m, n))
    support = max(1.0, scale)
    for i in range(m):
        center = (i + 0.5) * scale - 0.5
        for j in range(int(np.floor(center - support)), int(np.ceil(center + support)) + 1):
            matrix[i, min(max(j, 0), n - 1)] += max(0.0, 1 - abs(j - center) / support)
    return matrix / matrix.sum(1, keepdims=True)


def reference(image, width, height):
    rows = np.tensordot(weights(image.shape[1], width), image.astype(float), (1, 1))  # [x, y, c]
    resized = np.tensordot(weights(image.shape[0], height), rows, (1, 1))
    return np.clip(np.floor(resized + 0.5), 0, 255).astype(np.uint8)


def test_halves_by_hand():
    """Half of the size: the triangle is 4 samples wide, with weights 1, 3, 3, 1 eighths."""
    row = np.array([[[0], [80], [160], [240], [160], [80], [0], [0]]], np.uint8)
    # the first pixel of the second: (80 + 3 * 160 + 3 * 240 + 160) / 8; ends are repeated
    expected = [[(4 * 0 + 3 * 80 + 160) / 8, (80 + 3 * 160 + 3 * 240 + 160) / 8]]
    expected[0] += [(240 + 3 * 160 + 3 * 80 + 0) / 8, (80 + 4 * 0 + 3 * 0) / 8]
    image = np.repeat(row, 2, axis=0)
    resized = Resizer().resize(image, 4, 1)
    np.testing.assert_array_equal(resized[..., 0], np.array(expected, int))


def test_doubles_by_hand():
    """Twice the size: plain bilinear interpolation between pixel centres."""
    row = [0, 100, 60, 40, 80, 200, 0, 20]
    image = np.tile(np.array(row, np.uint8)[None, :, None], (8, 1, 1))
    resized = Resizer().resize(image, 16, 16)
    expected = [0, 25, 75, 90, 70, 55, 45, 50, 70, 110, 170, 150, 50, 5, 15, 20]
    np.testing.assert_array_equal(resized[..., 0], [expected] * 16)


@pytest.mark.parametrize("shape", [(30, 41), (90, 120), (200, 301), (480, 640), (144, 176)])
@pytest.mark.parametrize("size", [(24, 30), (60, 45), (64, 64), (120, 90), (299, 224), (341, 256)])
def test_agrees_with_the_formula(shape, size):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    resized = Resizer().resize(image, *size)
    assert resized.shape == (size[1], size[0], 3) and resized.dtype == np.uint8
    difference = np.abs(resized.astype(int) - reference(image, *size))
    assert difference.max() <= 8 and difference.mean() < 0.1  # swscale's first row and column
    assert difference[1:, 1:].max() <= 2 and (difference > 1).mean() < 0.01


@pytest.mark.parametrize("shape", [(30, 41), (90, 120), (480, 640)])
@pytest.mark.parametrize("size", [(24, 30), (64, 64), (120, 90), (341, 256)])
def test_agrees_with_pil_away_from_the_edges(shape, size):
    """PIL leaves samples outside of the image out; swscale repeats the edge."""
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pil = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(Resizer().resize(image, *size) - pil)[2:-2, 2:-2].max() <= 1


def test_channels_are_independent_and_any_number():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 10), dtype=np.uint8)
    resizer = Resizer()
    whole = resizer.resize(image, 15, 12)
    for channel in range(10):
        one = resizer.resize(image[..., channel : channel + 1], 15, 12)
        np.testing.assert_array_equal(whole[..., channel], one[..., 0])


def test_images_need_not_be_contiguous():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    resizer = Resizer()
    for view in (image[..., ::-1], image[::-1], image.transpose(1, 0, 2), image[:, ::2]):
        copied = resizer.resize(np.ascontiguousarray(view), 20, 24)
        np.testing.assert_array_equal(resizer.resize(view, 20, 24), copied)


def test_the_same_size_is_the_same_image():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert Resizer().resize(image, 30, 20) is image
    assert resize_short_side(image, 20) is image


def test_one_resizer_takes_several_sizes_and_threads_have_their_own():
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (40 + 7 * n, 50, 3), dtype=np.uint8) for n in range(4)]
    expected = [Resizer().resize(image, *scaled_size(50, len(image), 16)) for image in images]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: resize_short_side(image, 16), images * 20))
    for one, other in zip(found, expected * 20, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sizes_are_rounded_down_as_in_the_official_code():
    assert scaled_size(640, 480, 256) == (341, 256)
    assert scaled_size(480, 640, 256) == (256, 341)
    assert scaled_size(50, 50, 16) == (16, 16)
    assert scaled_size(1000, 999, 256) == (256, 256)


def test_every_filter_of_a_spec_is_known():
    for interpolation in INTERPOLATIONS:
        Resizer(interpolation)
    with refuses("interpolation", "must be one of bilinear", "nearest"):
        Resizer("nearest")


@pytest.mark.parametrize("short_side", [54, 146, 256])
@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_a_model_sees_the_same_in_a_file_and_in_the_frames_of_a_camera(path, short_side):
    indices = [0, 40, 100]
    decoded = read_frames(path, indices, short_side)
    frames = read_frames(path, indices)
    for one, frame in zip(decoded, frames, strict=True):
        np.testing.assert_array_equal(one, resize_short_side(frame, short_side))
