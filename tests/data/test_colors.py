import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from tsm_tf.data import colors

CLIP = np.random.default_rng(0).integers(20, 230, (3, 16, 20, 3), dtype=np.uint8)
CLIP[1] //= 2  # the frames differ in brightness


def tall(clip):
    return Image.fromarray(clip.reshape(-1, *clip.shape[2:]))


def assert_close(clip, image, levels=1):
    expected = np.asarray(image).reshape(clip.shape).astype(int)
    assert np.abs(clip.astype(int) - expected).max() <= levels


@pytest.mark.parametrize("factor", [0.1, 0.7, 1.0, 1.9])
@pytest.mark.parametrize(
    ("change", "reference"),
    [
        (colors.change_brightness, ImageEnhance.Brightness),
        (colors.change_contrast, ImageEnhance.Contrast),
        (colors.change_saturation, ImageEnhance.Color),
    ],
)
def test_agrees_with_pillow_on_all_frames_together(change, reference, factor):
    assert_close(change(CLIP, factor), reference(tall(CLIP)).enhance(factor), levels=2)


def test_agrees_with_pillows_operations():
    assert_close(colors.stretch_contrast(CLIP), ImageOps.autocontrast(tall(CLIP)))
    large = CLIP.repeat(8, 1).repeat(8, 2)  # Pillow rounds the pixels per level
    assert_close(colors.equalize(large), ImageOps.equalize(tall(large)), levels=3)
    for bits in (4, 6, 8):
        assert_close(colors.posterize(CLIP, bits), ImageOps.posterize(tall(CLIP), bits), 0)
    for threshold in (0, 100, 256):
        assert_close(colors.solarize(CLIP, threshold), ImageOps.solarize(tall(CLIP), threshold), 0)


def test_flat_channels_keep_their_value():
    clip = np.full((2, 4, 4, 3), (7, 0, 255), np.uint8)
    np.testing.assert_array_equal(colors.stretch_contrast(clip), clip)


def test_exact_values():
    clip = np.array([10, 100, 200] * 4, np.uint8).reshape(1, 2, 2, 3)
    assert colors.change_brightness(clip, 1.5)[0, 0, 0].tolist() == [15, 150, 255]
    grey = round(0.299 * 10 + 0.587 * 100 + 0.114 * 200)  # 84
    assert colors.change_saturation(clip, 0)[0, 0, 0].tolist() == [grey] * 3
    assert colors.change_contrast(clip, 0.5)[0, 0, 0].tolist() == [47, 92, 142]
    red = np.full((1, 2, 2, 3), (200, 0, 0), np.uint8)
    green, blue = colors.shift_hue(red, 1 / 3), colors.shift_hue(red, -1 / 3)
    assert green[0, 0, 0].argmax() == 1 and green[0, 0, 0, 1] == 200 and green[0, 0, 0, 2] == 0
    assert blue[0, 0, 0].argmax() == 2 and blue[0, 0, 0, 2] == 200


def test_jitter_stays_within_its_strengths_and_is_the_same_for_all_frames():
    clip = np.full((4, 8, 8, 3), 100, np.uint8)
    means = set()
    for seed in range(200):
        changed = colors.jitter_colors(clip, (0.4, 0, 0, 0), np.random.default_rng(seed))
        assert (changed == changed[0]).all()
        means.add(int(changed[0, 0, 0, 0]))
    assert min(means) in range(60, 63) and max(means) in range(138, 141)

    frames = np.stack([CLIP[0]] * 4)
    for seed in range(20):
        changed = colors.jitter_colors(frames, (0.4, 0.4, 0.4, 0.1), np.random.default_rng(seed))
        again = colors.jitter_colors(frames, (0.4, 0.4, 0.4, 0.1), np.random.default_rng(seed))
        assert (changed == changed[0]).all() and (changed == again).all()
        assert not np.array_equal(changed, frames)
