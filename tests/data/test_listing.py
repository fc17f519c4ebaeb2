"""Covers `listing` and `video`; the layouts have tests of their own."""

import pytest
from testing import refuses

from tsm_tf import ModelSpec
from tsm_tf.data.listing import Listing, check_labels, open_listing
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import UNKNOWN_FRAMES, Video, trainable_videos
from tsm_tf.errors import MissingFile


@pytest.fixture
def data(tmp_path):
    (tmp_path / "labels.txt").write_text("left\nright\n")
    (tmp_path / "a.mp4").touch()
    return tmp_path


def write(folder, text):
    (folder / "train.txt").write_text(text)


def test_lists_are_parsed_once_and_videos_looked_for_once(data, monkeypatch):
    write(data, "a.mp4 3 0\n")
    listing = Listing(data)
    videos = listing.videos("train")
    for name in ("a.mp4", "train.txt", "labels.txt"):
        (data / name).unlink()
    assert listing.videos("train") is videos and listing.labels == ("left", "right")
    with pytest.raises(MissingFile, match=r"labels\.txt"):
        Listing(data)


def test_uris_need_a_kind_of_storage_that_is_known_and_set_up(monkeypatch):
    monkeypatch.setenv("S3_ENDPOINT", "127.0.0.1")
    with refuses("S3_ENDPOINT", "with http:// or https://", "'127.0.0.1'"):
        Listing("s3://bucket//x")
    with refuses("data", "s3:// or gs://", "ftp://host/x"):
        Listing("ftp://host/x")


def test_short_videos_are_not_trained_on():
    videos = [Video(f"/{n}.mp4", f"{n}.mp4", n, 0) for n in (1, 2, 3, UNKNOWN_FRAMES, 40)]
    assert [video.num_frames for video in trainable_videos(videos)] == [3, UNKNOWN_FRAMES, 40]


def test_a_model_with_other_class_names(data):
    listing = Listing(data)
    check_labels(ModelSpec(num_classes=2, labels=("left", "right")), listing)
    check_labels(ModelSpec(num_classes=5), listing)  # without names
    with refuses("data", "the model's classes ('right', 'left')", "('left', 'right')"):
        check_labels(ModelSpec(num_classes=2, labels=("right", "left")), listing)


def test_a_listing_or_what_it_is_made_of(data):
    listing = open_listing(data)
    assert listing.labels == ("left", "right") and open_listing(listing) is listing


def test_videos_without_a_class(data):
    write(data, "a.mp4 3 1\na.mp4 3 -1\n")
    listing = Listing(data)
    assert [video.label for video in listing.videos("train")] == [1, -1]
    with refuses("data", "a class for each video of train; label -1", "a.mp4"):
        listing.labelled_videos("train")
    write(data, "a.mp4 3 1\n")
    assert len(Listing(data).labelled_videos("train")) == 1


def test_multi_label_lists(data):
    write(data, "a.mp4 3 1\n")
    listing = Listing(data)
    assert not listing.is_multi_label
    (data / "val.txt").write_text("a.mp4 3 1\na.mp4 3 0,1\n")
    listing.videos("val")
    assert listing.is_multi_label
    (data / "train.txt").unlink()
    assert Listing(data).is_multi_label


def test_damaged_pictures_are_kept_in_video_files_only(data):
    write(data, "a.mp4 3 0\n")
    assert Listing(data).source is VIDEO_FILES and Listing(data).damage == ""
    listing = Listing(data, keep_damaged=True)
    assert listing.source.keeps_damaged and listing.source is listing.source
    assert listing.damage == ""
    listing.source.damaged["a.mp4"] = 1200
    assert listing.damage == "1,200 damaged pictures in 1 videos were used"

    (data / "b").mkdir()
    (data / "b" / "img_00001.jpg").touch()
    write(data, "b 1 0\n")
    with refuses("keep_damaged", "only for video files"):
        _ = Listing(data, keep_damaged=True).source


def test_the_place_of_a_video(data):
    write(data, "\n\na.mp4 3 0\n")
    listing = Listing(data)
    (video,) = listing.videos("train")
    assert listing.place("train", video) == f"{data}/train.txt:3"
