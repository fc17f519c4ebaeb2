"""Converts frames to a model's input, and its outputs to float32, whatever the file's types."""

import numpy as np

from export.format.reader import Tensor


def put_image(tensor: np.ndarray, frames: np.ndarray) -> None:
    """Writes frames of 0..255 into a model's input.

    An int8 input is a pixel minus 128, which is computed without a copy.
    """
    if tensor.dtype == np.float32:
        np.copyto(tensor, frames, casting="unsafe")
        return

    if frames.dtype != np.uint8:
        frames = np.rint(np.clip(frames, 0, 255)).astype(np.uint8)
    if tensor.dtype == np.int8:
        np.bitwise_xor(frames, 0x80, out=tensor.view(np.uint8))
    else:
        np.copyto(tensor, frames)


def get_values(values: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Returns a copy of a model's output as float32; `tensor` describes its quantisation."""
    if values.dtype == np.float32:
        return values.copy()
    return (values.astype(np.float32) - tensor.zero_point[0]) * np.float32(tensor.scale[0])
