"""Crops of clips, as in the official `ops/transforms.py`, and what a model sees of a frame.

A clip is `uint8 [T, H, W, C]`.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from tsm_tf.data.augmentation_settings import (
    MULTI_SCALE,
    RANDOM_RESIZED,
    RGB_SCALES,
    AugmentationSettings,
)
from tsm_tf.data.resize import resize_short_side
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

Box = tuple[int, int, int, int]
"""Width, height, x and y in pixels."""

_ATTEMPTS = 10  # at a random-resized crop, before it becomes the whole frame
_SNAP = 3  # pixels: the side of a crop this close to the input size becomes the input size

# Places of a crop, in quarters of the space around it: x, y.
_CORNERS_AND_CENTER = ((0, 0), (4, 0), (0, 4), (4, 4), (2, 2))
_BETWEEN = ((0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3))


def crop_boxes(
    width: int,
    height: int,
    input_size: int,
    scales: Sequence[float] = RGB_SCALES,
) -> list[Box]:
    """Returns every box that the multi-scale crop can choose.

    Width and height are at most one scale apart, and each size has 13 places.

    Args:
        width: width of the frame.
        height: height of the frame.
        input_size: height and width of the model's input.
        scales: sides of the crop, relative to the shorter side of the frame.
    """
    base = min(width, height)
    sides = [int(base * scale) for scale in scales]
    sides = [
        input_size if abs(side - input_size) < _SNAP and input_size <= base else side
        for side in sides
    ]

    boxes = []
    for i, h in enumerate(sides):
        for w in sides[max(0, i - 1) : i + 2]:
            x_step, y_step = (width - w) // 4, (height - h) // 4
            boxes += [(w, h, x * x_step, y * y_step) for x, y in _CORNERS_AND_CENTER + _BETWEEN]

    return boxes


def choose_crop(
    width: int,
    height: int,
    input_size: int,
    rng: np.random.Generator,
    settings: AugmentationSettings = AugmentationSettings(),  # noqa: B008 (frozen)
    modality: str = "rgb",
) -> Box:
    """Returns a random box to crop from frames, which then become `input_size` x `input_size`.

    Args:
        width: width of the frames.
        height: height of the frames.
        input_size: height and width of the model's input.
        rng: makes all random choices.
        settings: the kind of crop and its sizes.
        modality: decides the scales of the multi-scale crop, unless the settings have them.
    """
    if settings.crop == MULTI_SCALE:
        boxes = crop_boxes(width, height, input_size, settings.scales_of(modality))
        return boxes[rng.integers(len(boxes))]
    if settings.crop == RANDOM_RESIZED:
        return _random_resized_box(width, height, rng, settings)

    side = min(width, height)
    side = max(1, round(side / rng.uniform(settings.zoom[0], settings.zoom[1])))
    return _place(side, side, width, height, rng)


def _random_resized_box(width, height, rng, settings) -> Box:
    """Returns a box of random area and shape, as in torchvision's `RandomResizedCrop`."""
    low, high = settings.crop_aspect
    smallest, largest = settings.crop_area

    for _ in range(_ATTEMPTS):
        area = width * height * rng.uniform(smallest, largest)
        aspect = math.exp(rng.uniform(math.log(low), math.log(high)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return _place(w, h, width, height, rng)

    # The largest box of an allowed shape, at the centre.
    aspect = min(max(width / height, low), high)
    w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
    return w, h, (width - w) // 2, (height - h) // 2


def _place(w, h, width, height, rng) -> Box:
    return w, h, int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))


def resize_crop(clip: np.ndarray, input_size: int) -> np.ndarray:
    """Resizes every frame to `input_size` x `input_size`, bilinear without antialiasing.

    For training crops only: their sizes are close to the input size.
    """
    if clip.shape[1:3] == (input_size, input_size):
        return clip
    size = (input_size, input_size)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in clip])


def five_crop_corners(width: int, height: int, crop: int) -> list[tuple[int, int]]:
    """Returns x and y of four corner crops and the centre (the official `GroupOverSample`).

    With their mirror images they are the ten crops.

    Raises:
        InputError: the crop is larger than the frame.
    """
    x_step, y_step = _quarters(width, height, crop)
    return [(x * x_step, y * y_step) for x, y in _CORNERS_AND_CENTER]


def three_crop_corners(width: int, height: int, crop: int) -> list[tuple[int, int]]:
    """Returns x and y of the left, right and centre crops at full resolution (section 5.1.1).

    Raises:
        InputError: the crop is larger than the frame.
    """
    x_step, y_step = _quarters(width, height, crop)
    return [(x * x_step, 2 * y_step) for x in (0, 4, 2)]


def center_crop(clip: np.ndarray, size: int) -> np.ndarray:
    """Crops `size` x `size` pixels at the centre of `[..., H, W, C]`, rounded as in torchvision.

    Raises:
        InputError: the crop is larger than the frame.
    """
    height, width = clip.shape[-3:-1]
    x, y = center_corner(width, height, size)
    return clip[..., y : y + size, x : x + size, :]


def center_corner(width: int, height: int, size: int) -> tuple[int, int]:
    """Returns x and y of the centre crop, rounded as in torchvision.

    Raises:
        InputError: the crop is larger than the frame.
    """
    if min(height, width) < size:
        raise InputError("size", f"must fit into the frame of {width}x{height}", size)
    return round((width - size) / 2), round((height - size) / 2)


def mirror(clip: np.ndarray, modality: str) -> np.ndarray:
    """Returns a clip `uint8 [T, H, W, C]` mirrored from left to right.

    Args:
        clip: RGB, or x and y of optical flow in turns.
        modality: `"rgb"`, or `"flow"`, whose horizontal motion is inverted.
    """
    mirrored = np.ascontiguousarray(clip[:, :, ::-1])
    if modality == "flow":
        mirrored[..., ::2] = 255 - mirrored[..., ::2]  # x, in channels 0, 2, 4, ...
    return mirrored


def eval_frame(frame: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """Returns what a model sees of a frame at test time: resized, then cropped at the centre.

    Evaluation sees exactly the same of a decoded file.

    Args:
        frame: RGB `uint8 [H, W, 3]`.
        spec: gives the sizes and the resize filter; see `tsm_tf.data.resize`.

    Returns:
        RGB `uint8 [input_size, input_size, 3]`.
    """
    frame = resize_short_side(frame, spec.short_side, spec.interpolation)
    return np.ascontiguousarray(center_crop(frame, spec.input_size))


def _quarters(width, height, crop):
    if min(width, height) < crop:
        raise InputError("crop", f"must fit into the frame of {width}x{height}", crop)
    return (width - crop) // 4, (height - crop) // 4
