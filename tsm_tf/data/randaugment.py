"""RandAugment for clips (Cubuk et al. 2020): the same operations on every frame.

The 14 operations and their ranges are those of the paper and of torchvision. Keras' `RandAugment`
computes all operations to select one, for each frame differently, which takes 0.2 s of CPU time
per clip, and its choices do not follow from a seed per clip.
"""

from collections.abc import Callable

import cv2
import numpy as np

from tsm_tf.data import colors
from tsm_tf.data.augmentation_settings import MAX_MAGNITUDE

_SHEAR = 0.3  # pixels per pixel
_TRANSLATION = 150 / 331  # of the image's side
_ROTATION = 30  # degrees
_ENHANCEMENT = 0.9
_LOST_BITS = 4
_FILL = (128, 128, 128)  # outside of the frame
_SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13


def rand_augment(
    clip: np.ndarray,
    num_ops: int,
    magnitude: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Applies random operations one after the other, each to all frames.

    Args:
        clip: RGB `uint8 [T, H, W, 3]`.
        num_ops: number of operations.
        magnitude: their strength, from 0 to 10.
        rng: makes all random choices.
    """
    level = magnitude / MAX_MAGNITUDE

    for _ in range(num_ops):
        operation = OPERATIONS[rng.integers(len(OPERATIONS))]
        sign = 1 if rng.random() < 0.5 else -1
        clip = operation(clip, level, sign)

    return clip


def _identity(clip, level, sign):
    return clip


def _shear_x(clip, level, sign):
    return _warp(clip, 1, sign * level * _SHEAR, 0, 1)


def _shear_y(clip, level, sign):
    return _warp(clip, 1, 0, sign * level * _SHEAR, 1)


def _translate_x(clip, level, sign):
    return _warp(clip, x=round(sign * level * _TRANSLATION * clip.shape[2]))


def _translate_y(clip, level, sign):
    return _warp(clip, y=round(sign * level * _TRANSLATION * clip.shape[1]))


def _rotate(clip, level, sign):
    angle = np.deg2rad(sign * level * _ROTATION)
    cos, sin = np.cos(angle), np.sin(angle)
    return _warp(clip, cos, sin, -sin, cos)


def _brightness(clip, level, sign):
    return colors.change_brightness(clip, 1 + sign * level * _ENHANCEMENT)


def _color(clip, level, sign):
    return colors.change_saturation(clip, 1 + sign * level * _ENHANCEMENT)


def _contrast(clip, level, sign):
    return colors.change_contrast(clip, 1 + sign * level * _ENHANCEMENT)


def _sharpness(clip, level, sign):
    factor = 1 + sign * level * _ENHANCEMENT
    changed = np.empty_like(clip)
    for frame, result in zip(clip, changed, strict=True):
        smooth = cv2.filter2D(frame, -1, _SMOOTH)
        cv2.addWeighted(frame, factor, smooth, 1 - factor, 0, dst=result)
    return changed


def _posterize(clip, level, sign):
    return colors.posterize(clip, 8 - round(level * _LOST_BITS))


def _solarize(clip, level, sign):
    return colors.solarize(clip, 256 * (1 - level))


def _auto_contrast(clip, level, sign):
    return colors.stretch_contrast(clip)


def _equalize(clip, level, sign):
    return colors.equalize(clip)


def _warp(clip, xx=1.0, xy=0.0, yx=0.0, yy=1.0, x=0, y=0):
    """Moves each pixel by a matrix around the centre, then by `x` and `y` pixels."""
    height, width = clip.shape[1:3]
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    matrix = np.array([[xx, xy], [yx, yy]])
    offset = center - matrix @ center + (x, y)
    affine = np.column_stack([matrix, offset])

    changed = np.empty_like(clip)
    for frame, result in zip(clip, changed, strict=True):
        cv2.warpAffine(frame, affine, (width, height), dst=result, borderValue=_FILL)
    return changed


OPERATIONS: tuple[Callable[[np.ndarray, float, int], np.ndarray], ...] = (
    _identity,
    _shear_x,
    _shear_y,
    _translate_x,
    _translate_y,
    _rotate,
    _brightness,
    _color,
    _contrast,
    _sharpness,
    _posterize,
    _solarize,
    _auto_contrast,
    _equalize,
)
"""Each takes a clip, a level from 0 to 1, and a direction, 1 or -1."""
