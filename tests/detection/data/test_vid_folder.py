"""Covers `class_names` and `annotated` too."""

import numpy as np
import pytest
from annotated_data import DOG, FOX, write_frame, write_list, write_published
from testing import refuses

from tsm_tf.detection.data.class_names import VID_LABELS, ClassNames
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.errors import MissingFile

DOG_CLASS, FOX_CLASS = VID_LABELS.index("dog"), VID_LABELS.index("fox")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("data with spaces"))


def test_classes_have_the_published_order():
    assert len(VID_LABELS) == 30
    assert [VID_LABELS.index(name) for name in ("airplane", "dog", "fox", "zebra")] == [
        0,
        8,
        11,
        29,
    ]
    names = ClassNames(("ball", "dog"))
    assert [names.index(name) for name in ("ball", " N02084071 ", "dog", "fox")] == [0, 1, 1, None]
    assert names.is_published("fox") and names.is_published(FOX) and not names.is_published("ball")


def test_training_lists_give_images_and_key_frames(data):
    videos = DetectionListing(data).videos("train")
    assert [(video.name, len(video.frames), video.key_frames) for video in videos] == [
        ("train/extra/i0", 1, None),
        ("train/extra/i1", 1, None),
        ("train/extra/i2", 1, None),
        ("train/A/v0", 12, (1, 6, 11)),
        ("train/A/v1", 5, (4,)),
    ]


def test_frames_have_boxes_classes_and_tracks(data):
    videos = DetectionListing(data).videos("train")
    frame = videos[3].frames[7]
    assert frame.path == str(data / "Data/VID/train/A/v0/000007.JPEG")
    assert (frame.width, frame.height) == (48, 32)
    np.testing.assert_array_equal(frame.boxes, [[7, 2, 17, 12], [20, 8, 30, 30]])
    assert frame.classes.tolist() == [DOG_CLASS, FOX_CLASS] and frame.tracks.tolist() == [0, 3]
    assert frame.boxes.dtype == np.float32 and frame.degraded.tolist() == [False, False]

    empty = videos[4].frames[1]
    assert empty.boxes.shape == (0, 4) and empty.classes.shape == (0,)
    assert [len(f.classes) for f in videos[4].frames] == [1, 0, 1, 1, 1]
    assert [f.boxes[0, 0] for f in videos[3].frames[2:8:3]] == [2, 5]
    assert videos[3].frames[-1].boxes[0, 0] == 11
    with pytest.raises(IndexError):
        videos[4].frames[5]


def test_other_classes_of_still_images_are_left_out(data):
    frame = DetectionListing(data).videos("train")[1].frames[0]
    assert frame.classes.tolist() == [DOG_CLASS] and frame.boxes.tolist() == [[6, 5, 25, 25]]
    assert frame.path == str(data / "Data/DET/train/extra/i1.JPEG")


def test_validation_by_videos_and_by_frames_agree(data):
    listing = DetectionListing(data)
    by_video, by_frame = listing.videos("val"), listing.videos("VID_val_frames")
    for videos in (by_video, by_frame):
        assert [(v.name, len(v.frames), v.first_id) for v in videos] == [
            ("val/w0", 4, 1),
            ("val/w1", 3, 5),
        ]
        assert all(video.key_frames is None for video in videos)
    assert [f.path for f in by_video[1].frames] == [f.path for f in by_frame[1].frames]


def test_own_labels_may_be_a_part_of_the_published_ones(tmp_path):
    write_published(tmp_path)
    (tmp_path / "labels.txt").write_text("fox\nball\n")
    listing = DetectionListing(tmp_path)
    assert listing.labels == ("fox", "ball")
    assert listing.videos("val")[0].frames[2].classes.tolist() == [0]


def test_an_unknown_class_of_a_video_is_an_error(tmp_path):
    write_frame(tmp_path, "VID", "val/a/000000", [(DOG, 0, (0, 0, 4, 4)), ("bal", 1, (0, 0, 4, 4))])
    write_list(tmp_path, "VID_val_videos", ["val/a 1 0 1"])
    (frames,) = (video.frames for video in DetectionListing(tmp_path).videos("val"))
    with refuses("annotations", "name classes of the data", "000000.xml:21", "'bal'"):
        frames[0]


def test_the_folder_of_lists_may_be_called_lists(tmp_path):
    write_published(tmp_path)
    (tmp_path / "ImageSets").rename(tmp_path / "Lists")
    assert len(DetectionListing(tmp_path).videos("val")) == 2


BAD_LINES = {
    "two numbers": ("val/w0 1 0", "FRAME ID"),
    "a word": ("val/w0 1 0 many", "FRAME ID"),
    "negative": ("val/w0 1 -1 4", "FRAME ID"),
    "absolute": ("/val/w0 1 0 4", "below its folder"),
    "above": ("val/../../w0 1 0 4", "below its folder"),
    "another form": ("val/w0/000000 1", "lines of one form"),
    "no frames": ("val/w0 1 0 0", "videos with frames"),
}


@pytest.mark.parametrize("kind", BAD_LINES)
def test_a_bad_line_names_the_list_and_its_number(data, kind):
    line, words = BAD_LINES[kind]
    path = write_list(data, "bad_videos", ["val/w1 1 0 3", "", line])
    with refuses("data", words, f"see {path}:3."):
        DetectionListing(data).videos("bad_videos")


def test_lists_whose_numbers_contradict_each_other(data):
    path = write_list(data, "VID_bad", ["train/A/v0 1 1 12", "train/A/v0 1 2 11"])
    with refuses("data", "frames of a video of 12 frames", f"{path}:2"):
        DetectionListing(data).videos("VID_bad")
    write_list(data, "VID_bad", ["train/A/v0 1 12 12"])
    with refuses("data", "frames of a video of 12 frames", f"{path}:1"):
        DetectionListing(data).videos("VID_bad")
    write_list(data, "VID_bad", ["val/w0/000000 1", "val/w0/000001 3"])
    with refuses("data", "number the frames of a video in order", f"{path}:2"):
        DetectionListing(data).videos("VID_bad")
    write_list(data, "VID_bad", ["", " "])
    with refuses("data", "lists with lines"):
        DetectionListing(data).videos("VID_bad")


def test_a_missing_list_or_video(data):
    with pytest.raises(MissingFile, match=r"list none\.txt in ImageSets or Lists"):
        DetectionListing(data).videos("none")
    path = write_list(data, "gone_videos", ["val/w0 1 0 4", "val/gone 5 0 3"])
    with pytest.raises(MissingFile, match=f"the files of {path}:2"):
        DetectionListing(data).videos("gone_videos")
