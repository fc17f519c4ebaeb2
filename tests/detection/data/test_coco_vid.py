import json

import numpy as np
import pytest
from annotated_data import coco_content, write_coco, write_picture
from testing import refuses

from tsm_tf.detection.data.class_names import VID_LABELS
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.errors import MissingFile


def changed(**changes):
    """Returns the content with changed lists: a function per name."""
    content = coco_content()
    for name, change in changes.items():
        change(content[name])
    return content


def test_videos_key_frames_and_still_images(tmp_path):
    listing = DetectionListing(write_coco(tmp_path, coco_content()))
    assert listing.labels == ("car", "ball")  # in the order of the IDs
    video, still = listing.videos("train")
    assert (video.name, video.key_frames, video.first_id) == ("v", (1,), 1)
    assert (still.name, len(still.frames), still.first_id) == ("s0", 1, 4)
    assert [frame.path for frame in video.frames] == [
        str(tmp_path / f"v/{t:06d}.JPEG") for t in range(3)
    ]
    np.testing.assert_array_equal(video.frames[0].boxes, [[0, 2, 10, 12]])
    np.testing.assert_array_equal(video.frames[2].boxes, [[40, 20, 48, 32]])  # cut to the picture
    assert video.frames[1].boxes.shape == (0, 4)
    assert (video.frames[2].classes.tolist(), video.frames[2].tracks.tolist()) == ([0], [2])
    np.testing.assert_array_equal(still.frames[0].boxes, [[1.5, 2, 4.5, 6]])
    assert still.frames[0].classes.tolist() == [1]


def test_files_and_pictures_of_mmtracking(tmp_path):
    """Three files in `annotations`, pictures in `Data`, and a class for all others in DET."""
    vid = coco_content()
    vid["categories"] = [{"id": i, "name": name} for i, name in enumerate(VID_LABELS, 1)]
    vid["images"] = vid["images"][:3]
    vid["annotations"] = vid["annotations"][:2]
    still = coco_content()
    del still["videos"]
    still["images"] = still["images"][3:]
    still["categories"] = [*vid["categories"], {"id": 31, "name": "other_categeries"}]
    still["annotations"] = [
        {"id": 1, "image_id": 20, "category_id": 31, "bbox": [0, 0, 5, 5]},
        {"id": 2, "image_id": 20, "category_id": 9, "bbox": [1, 1, 5, 5]},
        {"id": 3, "image_id": 20, "category_id": 9, "bbox": [1, 1, 5, 5], "iscrowd": 1},
        {"id": 4, "image_id": 21, "category_id": 31, "bbox": [0, 0, 5, 5]},
    ]
    (tmp_path / "annotations").mkdir()
    for kind, name, content in (
        ("VID", "imagenet_vid_train", vid),
        ("VID", "imagenet_vid_val", vid),
        ("DET", "imagenet_det_30plus1cls", still),
    ):
        (tmp_path / "annotations" / f"{name}.json").write_text(json.dumps(content))
        for image in content["images"]:
            pixels = np.zeros((32, 48, 3), np.uint8)
            write_picture(tmp_path / "Data" / kind / image["file_name"], pixels)

    listing = DetectionListing(tmp_path)
    assert listing.labels == VID_LABELS
    names = [(video.name, len(video.frames)) for video in listing.videos("train")]
    assert sorted(names) == [("s0", 1), ("v", 3)]
    (video,) = listing.videos("val")
    assert video.frames[0].path == str(tmp_path / "Data/VID/v/000000.JPEG")
    (image,) = (video for video in listing.videos("train") if len(video.frames) == 1)
    assert image.frames[0].classes.tolist() == [8] and image.frames[0].tracks.tolist() == [-1]


def test_own_labels_choose_classes(tmp_path):
    write_coco(tmp_path, coco_content())
    (tmp_path / "labels.txt").write_text("ball\n")
    listing = DetectionListing(tmp_path)
    video, still = listing.videos("train")
    assert listing.labels == ("ball",)
    assert [frame.classes.tolist() for frame in video.frames] == [[], [], []]
    assert still.frames[0].classes.tolist() == [0]


def setting(place, key, value):
    return lambda entries: entries[place].update({key: value})


BAD = {
    "image": ({"annotations": setting(0, "image_id", 99)}, "the image of annotation 1", 99),
    "category": ({"annotations": setting(1, "category_id", 4)}, "category of annotation 2", 4),
    "box": ({"annotations": setting(2, "bbox", [1, 2, 3])}, "bbox [x, y, width", [1, 2, 3]),
    "text": ({"annotations": setting(0, "bbox", [1, 2, 3, "4"])}, "bbox [x, y", [1, 2, 3, "4"]),
    "nan": ({"annotations": setting(0, "bbox", [1, 2, 3, float("nan")])}, "bbox", "nan"),
    "track": ({"annotations": setting(0, "instance_id", "a")}, "instance_id of annotation 1", "a"),
    "width": ({"images": setting(0, "width", 0)}, "positive integer as width of image 12", 0),
    "video": ({"images": setting(0, "video_id", 8)}, "the video of image 12", 8),
    "frame": ({"images": setting(0, "frame_id", None)}, "frame_id of image 12", None),
    "id": ({"images": setting(0, "id", "x")}, "integer as id in entry 0 of images", "x"),
    "list": ({"annotations": setting(0, "image_id", [1])}, "image_id in entry 0", [1]),
    "twice": ({"images": setting(0, "id", 10)}, "distinct IDs of images", ""),
    "no name": ({"categories": lambda e: e[0].pop("name")}, "id, name in entry 0", "{'id': 5}"),
    "no images": ({"images": lambda entries: entries.clear()}, "a list of images", "list"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_json_names_the_file_and_the_entry(tmp_path, kind):
    changes, words, received = BAD[kind]
    content = changed(**changes)
    write_coco(tmp_path, content)
    with refuses("annotations", words, f"see {tmp_path / 'train.json'}", str(received)):
        DetectionListing(tmp_path).videos("train")


def test_a_box_outside_of_its_picture(tmp_path):
    content = changed(annotations=setting(0, "bbox", [48, 0, 4, 4]))
    video = DetectionListing(write_coco(tmp_path, content)).videos("train")[0]
    with refuses("annotations", "pixels of the picture in the bbox of annotation 1"):
        video.frames[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [('{"images": [\n1,,2]}', ":2"), ("[1]", "a JSON object"), ("", ":1"), ("{}", "list of")],
)
def test_what_is_not_coco_vid(tmp_path, text, words):
    (tmp_path / "train.json").write_text(text)
    with refuses("annotations", words):
        DetectionListing(tmp_path).videos("train")


def test_a_missing_split_or_picture(tmp_path):
    write_coco(tmp_path, coco_content())
    with pytest.raises(MissingFile, match=r"must have val\.json"):
        DetectionListing(tmp_path).videos("val")
    (tmp_path / "v" / "000002.JPEG").unlink()  # the first in the file
    with pytest.raises(MissingFile, match="the pictures of"):
        DetectionListing(tmp_path).videos("train")
