import os
import pathlib
import re

import pytest

from tsm_tf.data.datasets.source_tree import SourceTree

NUMBER = re.compile(r"\d+")


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_are_sorted_by_kind(tmp_path):
    touch(
        tmp_path,
        *("train/a b/x.mp4", "train/a b/y.AVI", "train/a b/._x.mp4", "train/a b/z.mp4.part"),
        *("frames/12/00001.jpg", "frames/v/img_1.PNG", "frames/v/n_frames", "mixed/1.jpg"),
        *("mixed/1.webm", "list.csv", "cover.jpg"),
    )
    tree = SourceTree(tmp_path)
    assert sorted(tree.video_files) == ["mixed/1.webm", "train/a b/x.mp4", "train/a b/y.AVI"]
    assert sorted(tree.frame_folders) == ["frames/12", "frames/v"]
    assert tree.others == {
        "": {"list.csv", "cover.jpg"},
        "train/a b": {"._x.mp4", "z.mp4.part"},
        "frames/v": {"n_frames"},
        "mixed": {"1.jpg"},
    }
    assert tree.unreadable == {}


def test_folders_that_are_named_like_a_video_stay_closed(tmp_path, monkeypatch):
    touch(tmp_path, "v1/12/1.jpg", "v1/13/deep/2.mp4", "v1/13/labels.csv", "v1/x14/1.jpg")
    opened = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: opened.append(path) or scandir(path))
    tree = SourceTree(tmp_path, NUMBER)
    assert opened == [tmp_path / "", tmp_path / "v1", tmp_path / "v1/x14"]
    assert sorted(tree.frame_folders) == ["v1/12", "v1/13", "v1/x14"]

    tree.open_folders(["v1/13", "v1/x14"])
    assert opened[3:] == [tmp_path / "v1/13", tmp_path / "v1/13/deep"]
    assert sorted(tree.frame_folders) == ["v1/12", "v1/x14"]
    assert tree.video_files == ["v1/13/deep/2.mp4"]
    assert tree.others == {"v1/13": {"labels.csv"}}


def test_links_are_followed_once(tmp_path):
    touch(tmp_path, "elsewhere/a.mp4")
    source = tmp_path / "source"
    touch(source, "train/b.mp4")
    (source / "train/linked").symlink_to(tmp_path / "elsewhere")
    (source / "train/round").symlink_to(source)
    (source / "train/c.mp4").symlink_to(source / "train/b.mp4")
    (source / "train/d.mp4").symlink_to("nowhere")
    tree = SourceTree(source)
    assert sorted(tree.video_files) == [
        "train/b.mp4",
        "train/c.mp4",
        "train/d.mp4",
        "train/linked/a.mp4",
    ]
    assert tree.outside == ["train/linked"]


def test_the_output_is_passed_over(tmp_path):
    touch(tmp_path, "a.mp4", "out/train.txt")
    assert SourceTree(tmp_path, skip=tmp_path / "out").others == {}
    assert SourceTree(tmp_path, skip=tmp_path / "none").others == {"out": {"train.txt"}}


def test_folders_that_cannot_be_opened(tmp_path, monkeypatch):
    touch(tmp_path, "secret/a.mp4", "open/b.mp4")
    scandir = os.scandir

    def refuse(path):
        if pathlib.Path(path).name == "secret":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    tree = SourceTree(tmp_path)
    assert tree.video_files == ["open/b.mp4"]
    assert tree.unreadable == {"secret": "Permission denied"}
    with pytest.raises(FileNotFoundError):
        SourceTree(tmp_path / "none")
