import pytest

from tsm_tf.data.datasets import kinetics
from tsm_tf.data.datasets.annotations import Annotations, Entry
from tsm_tf.data.datasets.matching import FILES, FOLDERS, Match, match
from tsm_tf.data.datasets.readers import READERS, Reader
from tsm_tf.data.datasets.source_tree import SourceTree

PLAIN = Reader(lambda tree, split: None, [])


def entry(name, split="train", label="a b", keys=None):
    return Entry(split, name, keys or (name,), label)


@pytest.fixture
def find(tmp_path):
    """Returns a function that matches entries with files in a folder."""

    def run(entries, paths, reader=PLAIN, files=()):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        return match(Annotations("", files, [], entries), SourceTree(tmp_path), reader)

    return run


def test_each_file_is_accounted_for(find):
    one, two, three, unused = entry("1"), entry("2", "val"), entry("3"), entry("4", split="")
    paths = ["v/1.mp4", "v/2.mp4", "v/4.mp4", "v/5.mp4", "v/2.txt", "lists/l.csv", "._1.mp4"]
    matches = find([one, two, three, unused, one], paths, files=("lists/l.csv",))
    assert matches.kind == FILES
    assert matches.found == [Match(one, ("v/1.mp4",)), Match(two, ("v/2.mp4",))]
    assert (matches.missing, matches.duplicates, matches.extra) == (["3"], ["1"], ["v/5.mp4"])
    assert matches.ignored == ["._1.mp4", "v/2.txt"] and matches.unused == 1


def test_a_list_holds_files_or_folders(find):
    """The kind of which there is more; the other kind is a copy, or is not listed at all."""
    entries = [entry("1"), entry("2"), entry("3")]
    paths = ["f/1/00001.jpg", "f/2/00001.jpg", "v/2.mp4", "v/3.mp4"]
    matches = find(entries, [*paths, "f/9/00001.jpg"])
    assert matches.kind == FILES  # of equally many
    assert matches.found == [Match(entries[1], ("v/2.mp4",)), Match(entries[2], ("v/3.mp4",))]
    assert (matches.missing, matches.duplicates) == (["1"], ["f/2"])
    assert matches.extra == ["f/1", "f/9"]

    matches = find(entries, ["f/3/00001.jpg"])
    assert matches.kind == FOLDERS
    assert [video.paths for video in matches.found] == [("f/1",), ("f/2",), ("f/3",)]
    assert matches.duplicates == ["v/2.mp4", "v/3.mp4"] and matches.extra == ["f/9"]


def test_the_folder_of_the_class_is_best(find):
    entries = [entry("x", label="kick"), entry("y", label="kick ball")]
    paths = ["a/x.avi", "kick/x.avi", "z/x.avi", "a/y.avi", "kick_ball/y.avi"]
    matches = find(entries, paths)
    assert [video.paths for video in matches.found] == [
        ("kick/x.avi", "a/x.avi", "z/x.avi"),
        ("kick_ball/y.avi", "a/y.avi"),
    ]


def test_links_to_a_copy_are_no_copies(find, tmp_path):
    (tmp_path / "classes/a").mkdir(parents=True)
    (tmp_path / "classes/a/1.mp4").symlink_to(tmp_path / "train/1.mp4")
    matches = find([entry("1")], ["train/1.mp4", "val/1.mp4"])
    assert matches.found[0].paths == ("train/1.mp4", "val/1.mp4")
    assert matches.extra == matches.duplicates == []


def test_flow_is_not_taken_for_frames(find):
    paths = [
        "20bn-flow/1/000001.jpg",
        "flow/1/1.jpg",
        "arranging flowers/2/1.jpg",
        "x_flow/3/1.jpg",
    ]
    matches = find([entry("1"), entry("2"), entry("3")], paths)
    assert [video.paths for video in matches.found] == [("arranging flowers/2",)]
    assert matches.missing == ["1", "3"]
    assert matches.extra == ["20bn-flow/1", "flow/1", "x_flow/3"]


def test_replacements_come_first(find):
    text = "label,youtube_id,time_start,time_end\na b,-_345678901,1,11\na b,b_345678901,2,12\n"
    entries = kinetics.parse_rows(text, "train", "train.csv")
    replacement = "replacement/replacement_for_corrupted_k400/-_345678901_000005_000015.mp4"
    original = "train/-_345678901_000001_000011.mp4"
    paths = [original, replacement, "train/b_345678901.mp4"]
    matches = find(entries, paths, READERS["kinetics"])
    assert matches.found == [
        Match(entries[0], (replacement, original), num_replacements=1),
        Match(entries[1], ("train/b_345678901.mp4",)),
    ]
    assert matches.extra == []


def test_a_file_is_listed_once(find):
    """Two clips of one film, of which one is there."""
    text = "label,youtube_id,time_start,time_end\na b,-_345678901,1,11\na b,-_345678901,2,12\n"
    entries = kinetics.parse_rows(text, "train", "train.csv")
    matches = find(entries, ["-_345678901_000002_000012.mp4"], READERS["kinetics"])
    assert [video.entry.name for video in matches.found] == ["-_345678901_000002_000012"]
    matches = find(entries, ["-_345678901.mp4"], READERS["kinetics"])
    assert [video.paths for video in matches.found] == [
        ("-_345678901.mp4",),
        ("-_345678901_000002_000012.mp4",),
    ]
    assert matches.missing == []
