"""Frames that show their number, so that a test can tell which frame it got."""

import numpy as np

HEIGHT, WIDTH = 64, 96
_BITS = 6
_LEVELS = 50, 205


def numbered_frames(first: int, count: int) -> np.ndarray:
    """Returns RGB frames `uint8 [count, HEIGHT, WIDTH, 3]` whose blocks are bits of their number.

    The upper row of blocks holds the bits of the number, and the lower row their opposites.
    """
    block = WIDTH // _BITS
    frames = np.zeros((count, HEIGHT, WIDTH, 3), np.uint8)
    for index in range(count):
        for bit in range(_BITS):
            is_set = (first + index) >> bit & 1
            columns = slice(bit * block, (bit + 1) * block)
            frames[index, : HEIGHT // 2, columns] = _LEVELS[is_set]
            frames[index, HEIGHT // 2 :, columns] = _LEVELS[1 - is_set]
    return frames


def read_number(frame: np.ndarray) -> int | None:
    """Returns the number of a frame; None if it is damaged."""
    height, width = frame.shape[:2]
    block, number = width // _BITS, 0
    for bit in range(_BITS):
        columns = slice(bit * block + block // 4, (bit + 1) * block - block // 4)
        upper = frame[height // 8 : 3 * height // 8, columns].astype(int)
        lower = frame[5 * height // 8 : 7 * height // 8, columns].astype(int)
        if abs(upper.mean() - lower.mean()) < 60 or max(upper.std(), lower.std()) > 25:
            return None
        number |= int(upper.mean() > lower.mean()) << bit
    return number
