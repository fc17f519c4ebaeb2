"""Covers `class_folders`, `split_names`, `rates`, and how `find_layout` recognises folders."""

import pytest
from testing import refuses

from tsm_tf.data.layouts.class_folders import ClassFolders
from tsm_tf.data.layouts.list_files import ListFiles
from tsm_tf.data.listing import Listing
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.data.video import UNKNOWN_FRAMES, Video
from tsm_tf.errors import MissingFile


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def fill(data, *names):
    for name in names:
        path = data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(listing, split):
    return [(video.name, listing.labels[video.label]) for video in listing.videos(split)]


@pytest.mark.parametrize("folders", [("train", "val"), ("videos_train", "Validation")])
def test_folders_of_splits(data, folders):
    train, val = folders
    fill(data, f"{train}/wave it/b.MP4", f"{train}/wave it/a#[1].webm", f"{train}/Point/c.avi")
    fill(data, f"{val}/wave it/d.mov", f"{val}/nothing/e.mkv")
    fill(data, f"{train}/Point/._c.avi", f"{train}/.DS_Store", "README.md")  # ignored
    listing = Listing(data)

    assert listing.labels == ("Point", "nothing", "wave it")
    assert listing.videos("train") == (
        Video(f"{data}/{train}/Point/c.avi", f"{train}/Point/c.avi", UNKNOWN_FRAMES, 0),
        *(
            Video(f"{data}/{train}/wave it/{name}", f"{train}/wave it/{name}", UNKNOWN_FRAMES, 2)
            for name in ("a#[1].webm", "b.MP4")
        ),
    )
    assert [label for _, label in names(listing, "val")] == ["nothing", "wave it"]
    assert listing.source is VIDEO_FILES and listing.layout.splits == ("train", "val")
    assert listing.layout.describe("train") == "train: video files in a folder per class"
    with pytest.raises(MissingFile, match=r"test\.txt, or with a folder test"):
        listing.videos("test")


def test_folders_of_images(data):
    fill(data, "train/wave/0001/00001.jpg", "train/wave/0001/00002.jpg", "train/point/v 2/1.png")
    fill(data, "val/wave/0002/00001.jpg", "rate.txt")
    (data / "rate.txt").write_text("12\n")
    listing = Listing(data)
    assert names(listing, "train") == [
        ("train/point/v 2", "point"),
        ("train/wave/0001", "wave"),
    ]
    assert isinstance(listing.source, FrameFolders)
    path = listing.videos("train")[1].path
    assert (listing.source.num_frames(path), listing.source.fps(path)) == (2, 12)
    assert listing.layout.describe("val") == "val: folders of images (12 fps) in a folder per class"


def test_a_share_for_validation(data):
    fill(
        data,
        *(
            f"{name}/v_{name}_g{g:02}_c{c:02}.avi"
            for name in "ab"
            for g in range(10)
            for c in (1, 2)
        ),
    )
    listing = Listing(data, val_share=0.2)
    train, val = ({name for name, _ in names(listing, split)} for split in ("train", "val"))
    assert not train & val and (len(train), len(val)) == (32, 8)
    groups = {name.partition("_c0")[0] for name in val}
    assert len(groups) == 4 and not any(name.partition("_c0")[0] in groups for name in train)

    text = "val: video files in a folder per class, 0.2 of each for validation"
    assert listing.layout.describe("val") == text
    again = Listing(data, val_share=0.2)
    assert again.videos("val") == listing.videos("val") and again.digest == listing.digest
    assert Listing(data, val_share=0.5).digest != listing.digest


def test_a_class_may_be_called_train(data):
    fill(data, "train/1.mp4", "train/2.mp4", "bus/1.mp4", "bus/2.mp4")
    listing = Listing(data, val_share=0.5)
    assert listing.labels == ("bus", "train") and len(listing.videos("val")) == 2


def test_shares_that_do_not_fit(data):
    fill(data, "a/1.mp4", "b/2.mp4")
    with refuses("val_share", "must be given for a folder per class without train and val", "data"):
        Listing(data)
    for share in (0, 1, -1, 2, float("nan")):
        with refuses("val_share", "above 0 and below 1", str(share)):
            Listing(data, val_share=share)
    (data / "train.txt").write_text("a/1.mp4 0\nb/2.mp4 1\n")
    with refuses("val_share", "only for a folder per class"):
        Listing(data, val_share=0.2)
    assert isinstance(Listing(data).layout, ListFiles)  # lists come first

    (data / "train.txt").unlink()
    (data / "labels.txt").write_text("a\nb\n")
    with pytest.raises(MissingFile, match=r"train\.txt, or have a folder per class.*--val_share"):
        Listing(data).videos("train")
    fill(data, "train/a/3.mp4", "val/a/3.mp4")
    with refuses("val_share", "must not be given where folders say", "['train', 'val']"):
        Listing(data, val_share=0.2)


def test_class_names_in_a_file_give_the_order(data):
    fill(data, "train/wave/1.mp4", "train/point/1.mp4", "val/wave/2.mp4", "labels.txt")
    (data / "labels.txt").write_text("wave\nnothing\npoint\n")
    listing = Listing(data)
    assert listing.labels == ("wave", "nothing", "point") and listing.background is None
    assert names(listing, "train")[0] == ("train/wave/1.mp4", "wave")
    assert listing.layout.names_from == "labels.txt"
    digest = listing.digest
    (data / "background.txt").write_text("nothing\n")
    assert Listing(data).background == ("nothing",) and Listing(data).digest != digest
    (data / "labels.txt").write_text("wave\n")
    with refuses("data", "folders with the names in", "labels.txt", "['point']"):
        Listing(data)


def test_folders_that_are_refused(data, tmp_path):
    def refused(*files, link=None):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        fill(root, *files)
        if link:
            name, target = link
            (root / name).symlink_to(target)
        return root

    fill(tmp_path / "elsewhere", "x.mp4", "wave/x.mp4")
    mixed, leaving = "either video files or folders", "links that leave it"
    for files, link, parts in (
        (["train/a/1.mp4", "train/b/2/1.jpg"], None, (mixed, "train/a/1.mp4")),
        (["train/a/1.mp4", "train/a/2/1.jpg"], None, (mixed, "train/a/2")),
        (["train/a/1.jpg"], None, ("images of each video in a folder of their own", "train/a")),
        (["train/a/b/c.mp4"], None, ("videos, or folders of images", "train/a/b")),
        (["train/a/note.txt"], None, ("videos, or folders of images, in the folders of the",)),
        (["train/a/1.mp4", "videos_train/a/1.mp4"], None, ("one folder of the split train",)),
        (["train/a/1.mp4"], ("train/a/2.mp4", "../../../elsewhere/x.mp4"), (leaving,)),
        (["train/a/1.mp4"], ("train/wave", "../../elsewhere/wave"), ("--allow_outside", "wave")),
        (["train/" + "x" * 200 + "\x1b[2J/1.mp4"], None, ("without control characters",)),
    ):  # fmt: skip
        root = refused(*files, link=link)
        with refuses("data", *parts):
            Listing(root).videos("train")
        if link:
            assert len(Listing(root, allow_outside=True).videos("train")) == 2

    with refuses("data", "videos of the split val"):
        Listing(refused("train/a/1.mp4", "val/a/x.txt")).videos("val")
    for root, kind in ((refused("a.txt"), MissingFile), (refused("a.mp4"), MissingFile)):
        with pytest.raises(kind, match=r"lists \(train\.txt.*or with a folder per class"):
            Listing(root)
    with refuses("data", "not a file"):
        Listing(refused("a.mp4") / "a.mp4")


def test_links_within_the_folder_are_followed(data):
    """A script of Kinetics' mirror sorts a flat folder into class folders by links."""
    fill(data, "all/1.mp4", "train/a/2.mp4")
    (data / "train/b").mkdir()
    (data / "train/b/1.mp4").symlink_to("../../all/1.mp4")
    (data / "val").symlink_to("train")
    listing = Listing(data)
    assert len(listing.videos("train")) == len(listing.videos("val")) == 2
    assert isinstance(listing.layout, ClassFolders)


def test_other_files_are_counted(data):
    fill(data, "train/a/1.mp4", *(f"train/a/{i}.txt" for i in range(7)))
    (data / "train" / "b").mkdir(exist_ok=True)
    text = Listing(data).layout.describe("train")
    assert text == (
        "train: video files in a folder per class; not videos, and ignored: "
        "train/a/0.txt, train/a/1.txt, train/a/2.txt, train/a/3.txt, train/a/4.txt and 3 more"
    )
