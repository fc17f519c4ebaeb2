"""Opens annotated data: ImageNet VID and DET in their published layout, or COCO-VID JSON."""

import functools
import hashlib
import os

from tsm_tf.data.layouts.class_names import LABELS_FILE, check_names
from tsm_tf.data.text_file import read_lines
from tsm_tf.detection.data.annotated import AnnotatedVideo
from tsm_tf.detection.data.class_names import VID_LABELS
from tsm_tf.detection.data.coco_vid import CocoVid
from tsm_tf.detection.data.vid_folder import VidFolder
from tsm_tf.errors import MissingFile


class DetectionListing:
    """The annotated videos of a data folder; lists are read once, XML annotations when needed.

    A folder with `ImageSets` (or `Lists`) and `Annotations` has the layout of ImageNet VID and DET
    (see `tsm_tf.detection.data.vid_folder`). Otherwise, it has COCO-VID JSON (see
    `tsm_tf.detection.data.coco_vid`).

    Args:
        data: the folder.

    Attributes:
        data: the folder, as given.
        labels: names of the classes, without background: those in `labels.txt`, or else the
            categories of the JSON, or else the 30 of ImageNet VID.

    Raises:
        MissingFile: nothing there is known.
        InputError: bad labels, or bad JSON.

    Example:
        >>> listing = DetectionListing("data/shapes")
        >>> frame = listing.videos("val")[0].frames[0]
        >>> [listing.labels[index] for index in frame.classes]
        ['ring', 'cross']
    """

    def __init__(self, data: str | os.PathLike):
        self.data = os.fspath(data)
        self._videos: dict[str, tuple[AnnotatedVideo, ...]] = {}
        labels = self._labels_file()
        if VidFolder.fits(self.data):
            self.labels = labels or VID_LABELS
            self._layout = VidFolder(self.data, self.labels)
        elif CocoVid.fits(self.data):
            self._layout = CocoVid(self.data, labels)
            self.labels = self._layout.labels
        else:
            rule = (
                "must be a folder with ImageSets, Annotations and Data, as ImageNet VID, or with "
                "COCO-VID JSON such as train.json and val.json"
            )
            raise MissingFile("data", rule, self.data)

    def videos(self, split: str) -> tuple[AnnotatedVideo, ...]:
        """Returns the videos of a split, and still images as videos of one frame.

        Args:
            split: `"train"`, `"val"`, or the name of a list or JSON file without its suffix.

        Raises:
            MissingFile: there is no such list, or a listed video does not exist.
            InputError: a bad line or entry. Errors in XML annotations are raised when a frame is
                read.
        """
        if split not in self._videos:
            self._videos[split] = tuple(self._layout.videos(split))
        return self._videos[split]

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of the lists for training and validation and the labels."""
        digest = hashlib.sha256("\0".join(self.labels).encode())
        for path in (path for split in ("train", "val") for path in self._layout.files(split)):
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def _labels_file(self):
        path = os.path.join(self.data, LABELS_FILE)
        if not os.path.lexists(path):
            return None
        lines = [line.strip() for line in read_lines(path)]
        labels = tuple(line for line in lines if line)
        check_names(labels, path)
        return labels


def open_detection_data(data: DetectionListing | str | os.PathLike) -> DetectionListing:
    """Returns a listing as it is, and opens a folder; raises as `DetectionListing` does."""
    return data if isinstance(data, DetectionListing) else DetectionListing(data)
