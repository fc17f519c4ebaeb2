"""How a frame of any size becomes the input of a detector: in training, evaluation and live."""

import numpy as np

from tsm_tf.data.resize import resize
from tsm_tf.detection.detections import PADDING


def fit_frame(frame: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, float]:
    """Scales a frame with its aspect ratio into a size, and pads it at the bottom and right.

    Args:
        frame: RGB `uint8 [H, W, 3]`.
        size: height and width of the result, in pixels.

    Returns:
        RGB `uint8 [height, width, 3]`, and the scale. A box of the frame times the scale is the
        box of the result.
    """
    scale = fitting_scale(frame.shape[0], frame.shape[1], size)
    height = min(size[0], max(1, round(frame.shape[0] * scale)))
    width = min(size[1], max(1, round(frame.shape[1] * scale)))
    scaled = resize(frame, width, height)
    if (height, width) == tuple(size):
        return scaled, scale

    fitted = np.empty((*size, 3), np.uint8)
    fitted[:] = PADDING
    fitted[:height, :width] = scaled
    return fitted, scale


def fitting_scale(height: int, width: int, size: tuple[int, int]) -> float:
    """Returns the largest scale at which a frame fits into a height and width."""
    return min(size[0] / height, size[1] / width)
