"""Reads the picture of an annotated frame."""

import os

import cv2
import numpy as np

from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.frame_folder import decode_image_bytes, read_image
from tsm_tf.detection.data.annotated import AnnotatedFrame
from tsm_tf.errors import InputError

# Boxes are those of the pixels in the file, as in the original's code.
_FLAGS = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


class BadFrameError(BadVideoError):
    """A frame of annotated data whose picture or annotation is bad.

    Args:
        frame: its video and number.
        error: what is wrong, with the file and, for annotations, the line.
    """

    is_skippable = False

    def __init__(self, frame: str, error: InputError):
        InputError.__init__(self, error.argument, error.rule, error.received)
        self.path, self.reason = frame, error.rule


def read_picture(frame: AnnotatedFrame) -> np.ndarray:
    """Returns the picture of a frame, RGB `uint8 [H, W, 3]`.

    Raises:
        MissingFile: there is no such file.
        BadVideoError: it is not a whole JPEG or PNG image.
        InputError: it has another size than its annotation.
    """
    folder, name = os.path.split(frame.path)
    picture = decode_image_bytes(read_image(frame.path, folder), name, folder, _FLAGS)
    if picture.shape[:2] != (frame.height, frame.width):
        rule = f"must have the size of the picture, which is {picture.shape[1]}x{picture.shape[0]}"
        received = f"{frame.width}x{frame.height} for {frame.path}"
        raise InputError("annotations", rule, received)
    return picture
