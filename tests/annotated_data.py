"""Small folders of annotated videos, written by the tests in the published formats."""

import json
import pathlib

import cv2
import numpy as np
from testing import video_frames

from tsm_tf.detection.data.vid_xml import XmlObject, write_xml

WIDTH, HEIGHT = 48, 32
DOG, FOX, TABLE = "n02084071", "n02118333", "n04379243"  # a table is a class of DET only


def write_picture(path, pixels):
    """Writes RGB `uint8 [H, W, 3]` as a PNG with any name, so that its values are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())


def write_frame(data, kind, name, objects, seed=0, width=WIDTH, height=HEIGHT):
    """Writes a picture and its annotation: `objects` are name, track and a half-open box."""
    pixels = video_frames(height, width, 3, seed=seed)
    write_picture(data / "Data" / kind / f"{name}.JPEG", pixels)
    path = data / "Annotations" / kind / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [XmlObject(name, track, box) for name, track, box in objects]
    write_xml(path, "folder", "picture", width, height, entries)
    return pixels


def write_list(data, name, lines):
    path = pathlib.Path(data) / "ImageSets" / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write_published(data):
    """Writes ImageNet VID and DET in small: two training videos, three images, two for validation.

    In frame t of every video is a dog at x = t; frame 1 of `train/A/v1` is empty, in others is
    also a fox.
    """
    for video, count in (("train/A/v0", 12), ("train/A/v1", 5), ("val/w0", 4), ("val/w1", 3)):
        for t in range(count):
            objects = [(DOG, 0, (t, 2, t + 10, 12)), (FOX, 3, (20, 8, 30, 30))]
            if video == "train/A/v1":
                objects = [] if t == 1 else objects[:1]
            write_frame(data, "VID", f"{video}/{t:06d}", objects, seed=t)
    for number in range(3):
        objects = [(DOG, -1, (5 + number, 5, 25, 25)), (TABLE, -1, (0, 0, 9, 9))]
        write_frame(data, "DET", f"train/extra/i{number}", objects, seed=50 + number)

    write_list(data, "DET_train_30classes", [f"train/extra/i{n} 1" for n in range(3)])
    lines = ["train/A/v0 1 1 12", "train/A/v0 1 6 12", "train/A/v1 1 4 5", "train/A/v0 1 11 12"]
    write_list(data, "VID_train_15frames", lines)
    write_list(data, "VID_val_videos", ["val/w0 1 0 4", "val/w1 5 0 3"])
    frames = [f"val/w0/{t:06d} {t + 1}" for t in range(4)]
    frames += [f"val/w1/{t:06d} {t + 5}" for t in range(3)]
    write_list(data, "VID_val_frames", frames)
    return data


def coco_content():
    """Returns COCO-VID JSON: a video of three frames and two still images, one of them empty."""
    images = [
        {"id": 10 + t, "file_name": f"v/{t:06d}.JPEG", "width": WIDTH, "height": HEIGHT}
        | {"video_id": 7, "frame_id": t, "is_vid_train_frame": t == 1}
        for t in (2, 0, 1)
    ]
    images += [
        {"id": 20 + n, "file_name": f"s{n}.JPEG", "width": WIDTH, "height": HEIGHT}
        for n in range(2)
    ]
    boxes = {1: (10, 3, [0, 2, 10, 10]), 2: (12, 3, [40, 20, 20, 20]), 3: (20, 5, [1.5, 2, 3, 4])}
    annotations = [
        {"id": key, "image_id": image, "category_id": category, "bbox": box, "instance_id": key}
        for key, (image, category, box) in boxes.items()
    ]
    return {
        "videos": [{"id": 7, "name": "v"}],
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 5, "name": "ball"}, {"id": 3, "name": "car"}],
    }


def write_coco(data, content, name="train.json"):
    for image in content["images"]:
        write_picture(data / image["file_name"], np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    (data / name).write_text(json.dumps(content))
    return data
