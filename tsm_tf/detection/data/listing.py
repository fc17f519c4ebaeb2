"""Opens annotated data: ImageNet VID and DET in their published layout, or COCO-VID JSON."""

import os
from collections.abc import Sequence

from tsm_tf.detection.data.annotated import AnnotatedVideo


class DetectionListing:
    """The annotated videos of a data folder; lists are read once, annotations when needed.

    Args:
        data: the folder.

    Attributes:
        labels: names of the classes, without background.
    """

    labels: tuple[str, ...]

    def __init__(self, data: str | os.PathLike):
        raise NotImplementedError

    def videos(self, split: str) -> Sequence[AnnotatedVideo]:
        """Returns the videos of a split.

        Args:
            split: `"train"`, `"val"`, or the name of a list file without its suffix.
        """
        raise NotImplementedError


def open_detection_data(data: DetectionListing | str | os.PathLike) -> DetectionListing:
    """Returns a listing as it is, and opens a folder; raises as `DetectionListing` does."""
    return data if isinstance(data, DetectionListing) else DetectionListing(data)
