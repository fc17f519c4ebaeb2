"""Random changes of bytes: what disks, networks, cut copies and attackers do to files."""

import numpy as np

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Returns bytes with one to three changes.

    Args:
        content: what is changed.
        others: other files of the kind, parts of which are mixed in.
        rng: makes all random choices.
    """
    for _ in range(rng.integers(1, 4)):
        change = CHANGES[rng.integers(len(CHANGES))]
        content = change(bytearray(content), others, rng)
    return bytes(content)


def truncate(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    return bytes(content[: rng.integers(len(content) + 1)])


def flip_bits(content, others, rng):
    for _ in range(rng.integers(1, 17)):
        if content:
            content[_place(content, rng)] ^= 1 << int(rng.integers(8))
    return content


def overwrite(content, others, rng):
    place, length = _place(content, rng), int(rng.integers(1, 257))
    fill = (b"\0", b"\xff", None)[rng.integers(3)]
    content[place : place + length] = fill * length if fill else rng.bytes(length)
    return content


def set_number(content, others, rng):
    """Sets a number of 2, 4 or 8 bytes to an extreme value, in either byte order."""
    size = (2, 4, 4, 4, 8)[rng.integers(5)]
    value = EXTREMES[rng.integers(len(EXTREMES))]
    if rng.random() < 0.3:
        value = int(rng.integers(1 << 32))
    place = _place(content, rng)
    order = ("big", "little")[rng.integers(2)]
    content[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, order)
    return content


def delete(content, others, rng):
    place = _place(content, rng)
    del content[place : place + int(rng.integers(1, 1 + max(1, len(content) // 8)))]
    return content


def duplicate(content, others, rng):
    place = _place(content, rng)
    part = content[place : place + int(rng.integers(1, 1 + max(1, len(content) // 4)))]
    other = _place(content, rng)
    content[other:other] = part * int(rng.integers(1, 4))
    return content


def swap(content, others, rng):
    places = sorted(int(rng.integers(len(content) + 1)) for _ in range(4))
    a, b, c, d = places
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def insert(content, others, rng):
    place = _place(content, rng)
    content[place:place] = rng.bytes(int(rng.integers(1, 65)))
    return content


def splice(content, others, rng):
    """Puts a part of another file in the place of a part of this one, or behind it."""
    other = others[rng.integers(len(others))]
    start = int(rng.integers(len(other) + 1))
    part = other[start : start + int(rng.integers(1, len(other) + 2))]
    place = len(content) if rng.random() < 0.3 else _place(content, rng)
    content[place : place + len(part)] = part
    return content


CHANGES = (truncate, flip_bits, overwrite, set_number, delete, duplicate, swap, insert, splice)


def _place(content, rng):
    """Returns a place, often in the first or last kilobyte, where headers and indexes are."""
    size = max(1, len(content))
    near = min(size, 1024)
    where = rng.random()
    if where < 0.4:
        return int(rng.integers(near))
    if where < 0.6:
        return size - 1 - int(rng.integers(near))
    return int(rng.integers(size))
