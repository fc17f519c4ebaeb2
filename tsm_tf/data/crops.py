"""Crops of clips, as in the official `ops/transforms.py`, and what a model sees of a frame.

A clip is `uint8 [T, H, W, C]`. A box is `(width, height, x, y)` in pixels.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from tsm_tf.data.resize import resize_short_side
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

RGB_SCALES = (1, 0.875, 0.75, 0.66)
_SNAP = 3  # pixels: the side of a crop this close to the input size becomes the input size

# Places of a crop, in quarters of the space around it: x, y.
_CORNERS_AND_CENTER = ((0, 0), (4, 0), (0, 4), (4, 4), (2, 2))
_BETWEEN = ((0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3))


def crop_boxes(
    width: int,
    height: int,
    input_size: int,
    scales: Sequence[float] = RGB_SCALES,
) -> list[tuple[int, int, int, int]]:
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


def multi_scale_crop(
    clip: np.ndarray,
    input_size: int,
    rng: np.random.Generator,
    scales: Sequence[float] = RGB_SCALES,
) -> np.ndarray:
    """Crops all frames of a clip at one random box, and resizes them to the input size."""
    height, width = clip.shape[1:3]
    boxes = crop_boxes(width, height, input_size, scales)
    w, h, x, y = boxes[rng.integers(len(boxes))]
    return resize_crop(clip[:, y : y + h, x : x + w], input_size)


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
    if min(height, width) < size:
        raise InputError("size", f"must fit into the frame of {width}x{height}", size)

    y, x = round((height - size) / 2), round((width - size) / 2)
    return clip[..., y : y + size, x : x + size, :]


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
