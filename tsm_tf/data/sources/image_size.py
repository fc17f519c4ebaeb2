"""Reads the size of JPEG and PNG images from their bytes, and whether they are complete.

Decoders allocate memory for the size that an image claims to have, and make a picture of half a
file, of which the rest is grey.
"""

import struct
import zlib

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG, _END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))


def image_size(content: bytes) -> tuple[int, int] | None:
    """Returns the width and height of an image; None unless it is a complete JPEG or PNG."""
    if content.startswith(_PNG):
        return _png_size(content)
    if content.startswith(_JPEG):
        return _jpeg_size(content)
    return None


def _png_size(content):
    """Walks over the chunks, and compares the checksum of each."""
    size, position = None, len(_PNG)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        end = position + 8 + length
        if end + 4 > len(content):
            return None
        kind, body = content[position + 4 : position + 8], memoryview(content)[position + 4 : end]
        if zlib.crc32(body) != struct.unpack_from(">I", content, end)[0]:
            return None

        if size is None:
            if kind != b"IHDR" or length != 13:
                return None
            size = struct.unpack_from(">II", content, position + 8)
        if kind == b"IEND":
            return size if all(size) else None
        position = end + 4
    return None


def _jpeg_size(content):
    """Walks over the segments before the pixels, behind which an end must be."""
    size, position = None, len(_JPEG)
    while position + 4 <= len(content):
        if content[position] != 0xFF:
            return None
        marker = content[position + 1]
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            position += 1 if marker == 0xFF else 2
            continue

        (length,) = struct.unpack_from(">H", content, position + 2)
        if length < 2:
            return None
        if marker in _START_OF_FRAME and position + 9 <= len(content):
            height, width = struct.unpack_from(">HH", content, position + 5)
            size = width, height
        position += 2 + length
        if marker == _START_OF_SCAN:
            is_complete = size and all(size) and content.find(_END_OF_IMAGE, position) >= 0
            return size if is_complete else None
    return None
