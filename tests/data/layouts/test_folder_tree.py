import json
import os

import pytest
from testing import refuses

from tsm_tf.data.layouts.folder_tree import (
    FILE,
    FOLDER,
    MISSING,
    OTHER,
    OUTSIDE,
    FolderTree,
)
from tsm_tf.data.listing import Listing
from tsm_tf.errors import InputError, MissingFile


@pytest.fixture
def data(tmp_path):
    """A data folder beside another folder, with links to it."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x.mp4").touch()
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    for name in ("a.mp4", "sub/b.mp4"):
        (data / name).touch()
    os.mkfifo(data / "fifo")
    for name, target in (
        ("inside", "a.mp4"),
        ("broken", "nothing"),
        ("loop", "loop"),
        ("out.mp4", "../other/x.mp4"),
        ("out", "../other"),
        ("sub/up", ".."),
    ):
        (data / name).symlink_to(target)
    return data


KINDS = {
    "a.mp4": FILE,
    "sub/b.mp4": FILE,
    "sub": FOLDER,
    "inside": FILE,
    "sub/up/a.mp4": FILE,
    "sub/../a.mp4": FILE,
    "./a.mp4": FILE,
    ".": FOLDER,
    "fifo": OTHER,
    "broken": MISSING,
    "loop": MISSING,
    "gone.mp4": MISSING,
    "gone/a.mp4": MISSING,
    "a.mp4/b.mp4": MISSING,
    "x" * 300: MISSING,
    "y/" * 3000: MISSING,
    "zero\0byte": MISSING,
    "out.mp4": OUTSIDE,
    "out/x.mp4": OUTSIDE,
    "sub/up/out.mp4": OUTSIDE,
    "../other/x.mp4": OUTSIDE,
    "../data/a.mp4": FILE,
    "../data2": OUTSIDE,
    "/etc/passwd": OUTSIDE,
    "s3://bucket/a.mp4": OUTSIDE,
}


@pytest.mark.parametrize("is_relative", [False, True])
def test_kinds_of_paths(data, is_relative, monkeypatch):
    monkeypatch.chdir(data.parent)
    tree = FolderTree("data" if is_relative else str(data))
    for name, kind in KINDS.items():
        assert tree.kind(tree.path(name)) == kind, name
    tree.forget()
    assert tree.kind(tree.path("a.mp4")) == FILE

    free = FolderTree(str(data), allow_outside=True)
    for name, kind in KINDS.items():
        if kind != OUTSIDE:
            assert free.kind(free.path(name)) == kind, name
    for name in ("out.mp4", "out/x.mp4", "../other/x.mp4", "s3://bucket/a.mp4"):
        assert free.kind(free.path(name)) == FILE, name


def test_a_data_folder_may_be_a_link(data, tmp_path):
    (tmp_path / "link").symlink_to("data")
    tree = FolderTree(str(tmp_path / "link"))
    assert tree.kind(tree.path("a.mp4")) == FILE and tree.kind(tree.path("out.mp4")) == OUTSIDE


def test_a_loop_of_links_hides_no_other_file(data):
    names = {"a.mp4", "sub", "fifo", "inside", "broken", "loop", "out.mp4", "out"}
    assert set(FolderTree(str(data)).entries(str(data))) == names


def test_folders_that_cannot_be_read(data, monkeypatch):
    """Its files may be listed. But it cannot be the folder of a class, with unknown videos."""

    assert FolderTree(f"{data}/gone").entries(f"{data}/gone") == {}

    def scandir(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    tree = FolderTree(str(data))
    assert tree.kind(tree.path("sub/b.mp4")) == FILE
    with refuses("data", "can be read (Permission denied)", str(data)):
        FolderTree(str(data)).entries(str(data))


def test_a_folder_is_read_once(data, monkeypatch):
    calls = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: calls.append(path) or scandir(path))
    tree = FolderTree(str(data))
    for _ in range(9):
        assert tree.kind(tree.path("sub/b.mp4")) == FILE
    assert calls == [f"{data}/sub"]


def test_nothing_outside_is_looked_at(data, monkeypatch):
    seen = []
    scandir, stat = os.scandir, os.stat
    monkeypatch.setattr(os, "scandir", lambda path: seen.append(str(path)) or scandir(path))
    monkeypatch.setattr(os, "stat", lambda path, **k: seen.append(str(path)) or stat(path, **k))
    tree = FolderTree(str(data))
    seen.clear()
    for name in ("out/x.mp4", "../other/x.mp4", "/etc/passwd"):
        assert tree.kind(tree.path(name)) == OUTSIDE
    assert not seen


def test_lists_that_lead_outside(data):
    (data / "labels.txt").write_text("one\n")
    other = data.parent / "other" / "x.mp4"
    for name in ("../other/x.mp4", "out.mp4", "out/x.mp4", str(other), "..\\other\\x.mp4"):
        (data / "train.txt").write_text(f"a.mp4 3 0\n{name} 3 0\n")
        with pytest.raises(InputError, match=r"`data` must list videos in the folder, without"):
            Listing(data).videos("train")
        videos = Listing(data, allow_outside=True).videos("train")
        assert os.path.realpath(videos[1].path) == str(other.resolve())

    for name in ("labels.txt", "train.txt"):  # the lists as well
        text = (data / name).read_text()
        (data / name).unlink()
        (data.parent / "other" / name).write_text(text)
        (data / name).symlink_to(f"../other/{name}")
        with pytest.raises(InputError, match=r"must not have links that leave it.*--allow_outside"):
            Listing(data).videos("train")
        assert len(Listing(data, allow_outside=True).videos("train")) == 2
        (data / name).unlink()
        (data / name).write_text(text)


def test_lists_of_prepare_may_name_their_source(data, tmp_path):
    """A copy of the folder gains nothing by its report: it is another folder."""
    lists, copy = tmp_path / "lists", tmp_path / "copy"
    source = tmp_path / "other"
    for folder in (lists, copy):
        folder.mkdir()
        (folder / "labels.txt").write_text("one\n")
        (folder / "train.txt").write_text(f"{source}/x.mp4 3 0\n")
    status = os.stat(lists)
    report = {"source": str(source), "st_dev": status.st_dev, "st_ino": status.st_ino}
    for folder in (lists, copy):
        (folder / "report.json").write_text(json.dumps(report))
    assert len(Listing(lists).videos("train")) == 1
    with pytest.raises(InputError, match="--allow_outside"):
        Listing(copy).videos("train")

    (lists / "train.txt").write_text(f"{data}/a.mp4 3 0\n")
    with pytest.raises(InputError, match="--allow_outside"):  # other folders stay closed
        Listing(lists).videos("train")
    (lists / "train.txt").write_text(f"{source}/gone.mp4 3 0\n")
    with pytest.raises(MissingFile, match=r"gone\.mp4"):
        Listing(lists).videos("train")

    (lists / "train.txt").write_text(f"{source}/x.mp4 3 0\n")
    bad = [{**report, "source": 3}, {**report, "source": "."}, {**report, "st_ino": 1}]
    for text in ("", "[]", "[" * 10**5, *map(json.dumps, bad)):
        (lists / "report.json").write_text(text)
        with pytest.raises(InputError, match="--allow_outside"):
            Listing(lists).videos("train")
