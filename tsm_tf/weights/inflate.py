"""Inflates the kernels of 2D networks for networks of clips (Carreira and Zisserman 2017)."""

import numpy as np


def inflate(kernel: np.ndarray, frames: int) -> np.ndarray:
    """Repeats a 2D kernel over time and divides it by the number of frames.

    On frames that are all the same, the 3D kernel computes what the 2D kernel computes on one of
    them, except at the ends of a clip, where zeros are added over time.

    Args:
        kernel: `[h, w, in, out]`.
        frames: size of the new kernel over time.

    Returns:
        `[frames, h, w, in, out]`.
    """
    return np.repeat(kernel[np.newaxis] / np.float32(frames), frames, axis=0)
