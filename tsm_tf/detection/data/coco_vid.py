"""COCO-VID JSON, as MMTracking writes it, for ImageNet VID and for your own data.

The files are in the data folder or in its folder `annotations`: for the split `train`, `train.json`
and all that end in `_train.json`, and the still images in `*_det_*.json`. Pictures are looked for
in the data folder, and in `Data/VID` and `Data/DET`.
"""

import functools
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tsm_tf.data.layouts.class_names import check_names
from tsm_tf.detection.data.annotated import AnnotatedFrame, AnnotatedVideo, LazyFrames
from tsm_tf.detection.data.class_names import VID_LABELS, ClassNames
from tsm_tf.errors import InputError, MissingFile

_FOLDERS = ("", "annotations")
_PICTURE_FOLDERS = ("", os.path.join("Data", "VID"), os.path.join("Data", "DET"))
_STILL = -1  # video_id of a still image
_NO_TRACK = -1


class CocoVid:
    """Reads annotated videos from COCO-VID JSON.

    Args:
        data: the folder.
        labels: names of the classes. None takes the 30 of ImageNet VID if the categories of the
            files contain them, or else all categories of the first file in the order of their IDs.

    Raises:
        InputError: the first file is not such JSON.
    """

    def __init__(self, data: str, labels: tuple[str, ...] | None):
        self.data = data
        self.labels = labels or self._categories()
        self._classes = ClassNames(self.labels)

    @staticmethod
    def fits(data: str) -> bool:
        """Returns whether a folder has such files."""
        return bool(_json_files(data))

    def files(self, split: str) -> list[str]:
        """Returns the files of a split.

        Raises:
            MissingFile: there is none.
        """
        found = self._find(split)
        if not found:
            raise MissingFile("data", f"must have {split}.json or *_{split}.json", self.data)
        return found

    def videos(self, split: str) -> list[AnnotatedVideo]:
        """Returns the videos of all files of a split; see `DetectionListing.videos`."""
        videos, first_id = [], 1
        for path in self.files(split):
            for video in _File(path, self.data, self._classes).videos(first_id):
                videos.append(video)
                first_id += len(video.frames)
        return videos

    def _find(self, split):
        found = []
        for path in _json_files(self.data):
            name = os.path.splitext(os.path.basename(path))[0]
            is_still = split == "train" and "_det_" in name
            if name == split or name.endswith(f"_{split}") or is_still:
                found.append(path)
        return found

    def _categories(self):
        path = (self._find("train") or self._find("val") or _json_files(self.data))[0]
        categories = _entries(path, _load(path), "categories", ("id", "name"))
        categories.sort(key=lambda category: category["id"])
        names = tuple(str(category["name"]) for category in categories)
        if set(VID_LABELS) <= set(names):
            return VID_LABELS
        check_names(names, path)
        return names


class _File:
    """One JSON file.

    Args:
        path: the file.
        data: the folder of the data, below which pictures are.
        classes: finds the classes of category names.
    """

    def __init__(self, path: str, data: str, classes: ClassNames):
        self._path = path
        content = _load(path)
        fields = ("id", "file_name", "width", "height")
        self._images = _entries(path, content, "images", fields)
        names = {
            video["id"]: str(video["name"])
            for video in _entries(path, content, "videos", ("id", "name"), required=False)
        }
        self._names = names
        categories = _entries(path, content, "categories", ("id", "name"))
        self._class_of = {entry["id"]: classes.index(str(entry["name"])) for entry in categories}

        self._check_images()
        self._objects: dict[Any, list[Mapping[str, Any]]] = {
            image["id"]: [] for image in self._images
        }
        fields = ("id", "image_id", "category_id", "bbox")
        for entry in _entries(path, content, "annotations", fields):
            self._add(entry)
        self._folder = self._picture_folder(data)

    def videos(self, first_id: int) -> list[AnnotatedVideo]:
        """Returns the videos, numbering their frames from `first_id`."""
        groups: dict[Any, list[Mapping[str, Any]]] = {}
        for image in self._images:
            video = image.get("video_id", _STILL)
            if video == _STILL:
                if self._objects[image["id"]]:  # as in the published list of DET images
                    groups["still", image["id"]] = [image]
            else:
                groups.setdefault(video, []).append(image)

        has_keys = any(image.get("is_vid_train_frame") for image in self._images)
        videos = []
        for video, images in groups.items():
            images.sort(key=lambda image: image.get("frame_id", 0))
            keys = None
            if has_keys and len(images) > 1:
                keys = tuple(i for i, m in enumerate(images) if m.get("is_vid_train_frame"))
            name = self._names.get(video, os.path.splitext(str(images[0]["file_name"]))[0])
            frames = LazyFrames(len(images), functools.partial(self._frame, images))
            videos.append(AnnotatedVideo(name, frames, first_id, keys))
            first_id += len(images)
        return videos

    def _check_images(self):
        for image in self._images:
            for name in ("width", "height"):
                size = image[name]
                if not isinstance(size, int) or size < 1:
                    rule = f"must have a positive integer as {name} of image {image['id']}"
                    raise self._error(rule, size)
            video = image.get("video_id", _STILL)
            if video != _STILL and video not in self._names:
                raise self._error(f"must have the video of image {image['id']}", video)
            if video != _STILL and not isinstance(image.get("frame_id"), int):
                rule = f"must have an integer as frame_id of image {image['id']}"
                raise self._error(rule, image.get("frame_id"))

    def _error(self, rule, received):
        return InputError("annotations", f"{rule}; see {self._path}", received)

    def _add(self, entry):
        """Checks an annotation and keeps it, unless its class is not among the labels."""
        place = f"annotation {entry['id']}"
        if entry["image_id"] not in self._objects:
            raise self._error(f"must have the image of {place}", entry["image_id"])
        if entry["category_id"] not in self._class_of:
            raise self._error(f"must have the category of {place}", entry["category_id"])
        if not isinstance(_track(entry), int):
            raise self._error(f"must have an integer as instance_id of {place}", _track(entry))
        box = entry["bbox"]
        if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
            rule = f"must have a bbox [x, y, width, height] of numbers in {place}"
            raise self._error(rule, box)
        if self._class_of[entry["category_id"]] is not None and not entry.get("iscrowd"):
            self._objects[entry["image_id"]].append(entry)

    def _picture_folder(self, data):
        """Returns the folder that the names of the pictures are relative to."""
        first = str(self._images[0]["file_name"])
        for name in _PICTURE_FOLDERS:
            folder = os.path.join(data, name)
            if os.path.isfile(os.path.join(folder, first)):
                return folder
        raise MissingFile("data", f"must have the pictures of {self._path}", first)

    def _frame(self, images, index):
        image = images[index]
        entries = self._objects[image["id"]]
        corners = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        size = (image["width"], image["height"])
        boxes = np.clip(corners, 0, np.tile(size, 2))
        for entry, box in zip(entries, boxes, strict=True):
            if box[0] >= box[2] or box[1] >= box[3]:
                rule = f"must have pixels of the picture in the bbox of annotation {entry['id']}"
                raise self._error(rule, entry["bbox"])

        classes = [self._class_of[entry["category_id"]] for entry in entries]
        tracks = [_track(entry) for entry in entries]
        return AnnotatedFrame(
            path=os.path.join(self._folder, str(image["file_name"])),
            width=size[0],
            height=size[1],
            boxes=boxes.astype(np.float32),
            classes=np.array(classes, np.int32),
            tracks=np.array(tracks, np.int32),
            degraded=np.zeros(len(entries), bool),
        )


def _json_files(data) -> list[str]:
    """Returns the JSON files of a data folder; those of its subfolder last."""
    files = []
    for name in _FOLDERS:
        folder = os.path.join(data, name)
        if os.path.isdir(folder):
            names = sorted(entry for entry in os.listdir(folder) if entry.endswith(".json"))
            files += [os.path.join(folder, entry) for entry in names]
    return files


def _load(path) -> dict[str, Any]:
    """Returns the content of a JSON file with images, which may have hundreds of MB."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except json.JSONDecodeError as error:
        rule = f"must be JSON ({error.msg}); see {path}:{error.lineno}"
        raise InputError("annotations", rule, error.doc[error.pos : error.pos + 20]) from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise InputError("annotations", f"must be JSON ({error})", path) from None
    if not isinstance(content, dict):
        raise InputError("annotations", "must be a JSON object", path)
    return content


def _entries(path, content, name, fields: Sequence[str], required=True) -> list[dict[str, Any]]:
    """Returns a list of the file, whose entries are objects with some fields."""
    entries = content.get(name)
    if entries is None and not required:
        return []
    if not isinstance(entries, list) or (required and name == "images" and not entries):
        raise InputError("annotations", f"must have a list of {name}; see {path}", type(entries))
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or any(field not in entry for field in fields):
            rule = f"must have {', '.join(fields)} in entry {number} of {name}; see {path}"
            raise InputError("annotations", rule, entry)
        for field in ("id", "image_id", "category_id", "video_id"):
            if not isinstance(entry.get(field, 0), int):
                rule = f"must have an integer as {field} in entry {number} of {name}; see {path}"
                raise InputError("annotations", rule, entry[field])
    if len({entry["id"] for entry in entries}) < len(entries):
        raise InputError("annotations", f"must have distinct IDs of {name}; see {path}", path)
    return entries


def _track(entry):
    """Returns the number of an object in its video; COCO-VID and TAO name it differently."""
    return entry.get("instance_id", entry.get("track_id", _NO_TRACK))


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
