"""Boxes files for tests."""

import numpy as np


def write_boxes(folder, names, values):
    """Writes `boxes.npz`."""
    np.savez(folder / "boxes.npz", names=np.array(names), boxes=np.array(values, np.float16))


def random_boxes(count):
    """Boxes of some videos, relative to their frames: `[count, 4, 3, 4]`."""
    corners = np.random.default_rng(0).uniform(0, 1, (count, 4, 3, 2, 2))
    return np.sort(corners, axis=3).reshape(count, 4, 3, 4)
