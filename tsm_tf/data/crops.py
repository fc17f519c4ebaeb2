"""Crops, flips and sizes of clips: small functions of arrays, as in the official `ops/transforms.py`.

A clip is `uint8 [T, H, W, C]`; a box is `(width, height, x, y)` in pixels.
"""

import json
import os
import pathlib
import re

import cv2
import numpy as np

from tsm_tf.data.sources.video_file import scaled_size
from tsm_tf.errors import InputError
from tsm_tf.spec import ModelSpec

RGB_SCALES = (1, 0.875, 0.75, 0.66)
_SNAP = 3  # pixels: a crop side this close to the input size becomes it
_OPPOSITES = {
    "left": "right",
    "right": "left",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}


def crop_boxes(
    width: int, height: int, input_size: int, scales=RGB_SCALES
) -> list[tuple[int, int, int, int]]:
    """Returns every box that the multi-scale corner crop can take: sides at most one scale apart, 13 places."""
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
            boxes += [(w, h, x * x_step, y * y_step) for x, y in _PLACES]
    return boxes


_CORNERS = ((0, 0), (4, 0), (0, 4), (4, 4), (2, 2))
_PLACES = (
    *_CORNERS,
    (0, 2),
    (4, 2),
    (2, 4),
    (2, 0),
    (1, 1),
    (3, 1),
    (1, 3),
    (3, 3),
)  # quarters of the slack


def multi_scale_crop(
    clip: np.ndarray, input_size: int, rng: np.random.Generator, scales=RGB_SCALES
) -> np.ndarray:
    """Crops all frames of a clip at one random box of `crop_boxes` and resizes them to `input_size` (bilinear)."""
    height, width = clip.shape[1:3]
    boxes = crop_boxes(width, height, input_size, scales)
    w, h, x, y = boxes[rng.integers(len(boxes))]
    return resize(clip[:, y : y + h, x : x + w], input_size)


def resize(clip: np.ndarray, input_size: int) -> np.ndarray:
    """Resizes every frame to `input_size` x `input_size`, bilinear."""
    if clip.shape[1:3] == (input_size, input_size):
        return clip
    size = (input_size, input_size)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in clip])


def five_crop_corners(width: int, height: int, crop: int) -> list[tuple[int, int]]:
    """Returns x and y of four corner crops and the centre (the official `GroupOverSample`; ten with flips)."""
    x_step, y_step = _steps(width, height, crop)
    return [(x * x_step, y * y_step) for x, y in _CORNERS]


def three_crop_corners(width: int, height: int, crop: int) -> list[tuple[int, int]]:
    """Returns x and y of the left, right and centre crops for full-resolution testing (section 5.1.1)."""
    x_step, y_step = _steps(width, height, crop)
    return [(x * x_step, 2 * y_step) for x in (0, 4, 2)]


def _steps(width, height, crop):
    if min(width, height) < crop:
        raise InputError("crop", f"must fit into the frame of {width}x{height}", crop)
    return (width - crop) // 4, (height - crop) // 4


def center_crop(clip: np.ndarray, size: int) -> np.ndarray:
    """Crops `size` x `size` pixels around the centre of `[..., H, W, C]`, as torchvision rounds."""
    height, width = clip.shape[-3:-1]
    if min(height, width) < size:
        raise InputError("size", f"must fit into the frame of {width}x{height}", size)
    y, x = round((height - size) / 2), round((width - size) / 2)
    return clip[..., y : y + size, x : x + size, :]


def eval_frame(frame: np.ndarray, spec: ModelSpec) -> np.ndarray:
    """What a model sees of one RGB frame `[H, W, 3]` at test time and on a device: short side, then centre crop."""
    height, width = frame.shape[:2]
    if min(height, width) != spec.short_side:
        size = scaled_size(width, height, spec.short_side)
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(center_crop(frame, spec.input_size))


def flip_targets(labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns for each class the class that its mirrored videos show.

    The words left and right, clockwise and counterclockwise (also counter-clockwise, anticlockwise) are swapped in the
    name; words end at spaces, hyphens, underscores, digits and capitals. A class without such words is its own mirror
    image; one whose mirror image has no name among the labels gives None, and its videos are not flipped.
    """
    index = {_words(label): i for i, label in enumerate(labels)}
    targets = []
    for i, label in enumerate(labels):
        words = _words(label)
        mirrored = tuple(_OPPOSITES.get(word, word) for word in words)
        targets.append(i if mirrored == words else index.get(mirrored))
    return tuple(targets)


def read_flip_targets(path: str | os.PathLike, labels: tuple[str, ...]) -> tuple[int | None, ...]:
    """Returns `flip_targets` with the exceptions of a JSON file: class names to their mirrored class, or to null.

    A pair is written once, `{"Swiping Left": "Swiping Right", "Writing": null}`; null is never flipped.

    Raises:
        FileNotFoundError: no such file.
        InputError: not a JSON object of class names, or a class that would be two classes' mirror image.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"`flips` must be auto, none, or a JSON file: {path}")
    try:
        pairs = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(
            "flips", f"must be a JSON object of class names ({error})", str(path)
        ) from None
    unknown = [
        name for name in (*pairs, *pairs.values()) if name is not None and name not in labels
    ]
    if unknown:
        raise InputError("flips", f"must name classes of {labels}", unknown[0])
    targets = list(flip_targets(labels))
    for name, mirrored in pairs.items():
        one, other = labels.index(name), None if mirrored is None else labels.index(mirrored)
        targets[one] = other
        if other is not None:
            targets[other] = one
    for one, other in enumerate(targets):
        if other is not None and targets[other] != one:
            raise InputError(
                "flips", f"must pair {labels[one]!r} with one class, or null", str(path)
            )
    return tuple(targets)


def _words(label):
    """Returns a label's words, numbers and signs, in small letters and with one spelling of counterclockwise."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", label).lower()
    text = re.sub(r"(counter|anti)[-_ ]?clockwise", "counterclockwise", text)
    return tuple(re.findall(r"[^\W\d_]+|\d+|[^\w\s]", text))


def describe_flips(labels: tuple[str, ...], targets: tuple[int | None, ...]) -> str:
    """Returns a line a pair, for people to check what a flip makes of each class."""
    pairs = [
        f"  {labels[i]} <-> {labels[t]}" for i, t in enumerate(targets) if t is not None and i < t
    ]
    never = [labels[i] for i, t in enumerate(targets) if t is None]
    lines = [
        "flips swap these classes, and leave the others what they are:",
        *(pairs or ["  none"]),
    ]
    return "\n".join([*lines, *([f"  never flipped: {', '.join(never)}"] if never else [])])
