"""Changes of colours: pure functions on clips `uint8 [T, H, W, 3]`, the same for all frames.

OpenCV's tables take about a millisecond per clip. Keras' layers compute in float32, choose another
change for each image of a batch, and take 20 to 200 times as long.
"""

from collections.abc import Sequence

import cv2
import numpy as np

_VALUES = np.arange(256, dtype=np.float64)


def jitter_colors(
    clip: np.ndarray,
    strengths: Sequence[float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Changes brightness, contrast, saturation and hue in random order.

    Args:
        clip: RGB `uint8 [T, H, W, 3]`.
        strengths: the first three factors are from `1 - strength` to `1 + strength`; the hue is
            shifted by up to its strength in both directions. 0 leaves out a change.
        rng: makes all random choices.
    """
    shifts = [rng.uniform(-strength, strength) for strength in strengths]
    for number in rng.permutation(len(strengths)).tolist():
        if strengths[number]:
            change, shift = _JITTERS[number], shifts[number]
            clip = change(clip, shift if change is shift_hue else 1 + shift)
    return clip


def change_brightness(clip: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies all values."""
    return map_values(clip, _VALUES * factor)


def change_contrast(clip: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies the distance to the mean grey level of the whole clip."""
    mean = round(cv2.mean(_grey(clip))[0])
    return map_values(clip, mean + (_VALUES - mean) * factor)


def change_saturation(clip: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies the distance to the grey level of the pixel; 0 gives a grey clip."""
    grey = cv2.cvtColor(_grey(clip), cv2.COLOR_GRAY2RGB)
    return _like(cv2.addWeighted(_tall(clip), factor, grey, 1 - factor, 0), clip)


def shift_hue(clip: np.ndarray, shift: float) -> np.ndarray:
    """Turns all hues by a part of the colour circle, from -0.5 to 0.5, in steps of 1/256."""
    hsv = cv2.cvtColor(_tall(clip), cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(256 * shift) % 256)  # wraps around, as the circle does
    return _like(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), clip)


def stretch_contrast(clip: np.ndarray) -> np.ndarray:
    """Maps the smallest value of each channel to 0, and the largest to 255."""
    tables = np.tile(_VALUES[:, None], 3)
    for channel in range(3):
        low, high, _, _ = cv2.minMaxLoc(cv2.extractChannel(_tall(clip), channel))
        if low < high:
            tables[:, channel] = (_VALUES - low) * 255 / (high - low)
    return map_values(clip, tables)


def equalize(clip: np.ndarray) -> np.ndarray:
    """Equalises the histogram of each channel, counted over the whole clip."""
    channels = [cv2.equalizeHist(channel) for channel in cv2.split(_tall(clip))]
    return _like(cv2.merge(channels), clip)


def posterize(clip: np.ndarray, bits: int) -> np.ndarray:
    """Keeps the highest bits of each value."""
    return map_values(clip, np.arange(256) & (256 - 2 ** (8 - bits)))


def solarize(clip: np.ndarray, threshold: float) -> np.ndarray:
    """Inverts the values from a threshold on."""
    return map_values(clip, np.where(threshold <= _VALUES, 255 - _VALUES, _VALUES))


def map_values(clip: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replaces each value by its entry in a table.

    Args:
        clip: `uint8 [T, H, W, 3]`.
        table: `[256]`, or `[256, 3]` with one column per channel; rounded and limited to 0..255.
    """
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    if table.ndim == 2:
        table = table[None]  # cv2.LUT takes [1, 256, channels]
    return _like(cv2.LUT(_tall(clip), table), clip)


_JITTERS = (change_brightness, change_contrast, change_saturation, shift_hue)


def _tall(clip):
    """Returns all frames as one image, below each other."""
    return clip.reshape(-1, *clip.shape[2:])


def _like(tall, clip):
    return tall.reshape(clip.shape)


def _grey(clip):
    return cv2.cvtColor(_tall(clip), cv2.COLOR_RGB2GRAY)
