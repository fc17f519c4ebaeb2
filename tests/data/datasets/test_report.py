import shlex

import pytest

from tsm_tf.data.datasets.annotations import Annotations, Entry
from tsm_tf.data.datasets.checking import Checked
from tsm_tf.data.datasets.matching import FILES, Match, Matches
from tsm_tf.data.datasets.report import build_report, quote

LABELS = ("air drumming", "abseiling")


def build(*videos):
    """Builds a report of videos: entry, paths, frames of each path that was tried, replacements."""
    found, checked = [], []
    for entry, paths, frames, replacements in videos:
        found.append(Match(entry, tuple(paths), replacements))
        pairs = zip(paths, frames, strict=False)
        checked.append(
            [Checked(f"/s/{path}", 1, 2, n, "" if n else f"bad {path}") for path, n in pairs]
        )
    annotations = Annotations("", (), LABELS, [entry for entry, *_ in videos])
    report = build_report(annotations, Matches(FILES, found), checked, LABELS)
    return report, {name: paths for name, paths in report.problems.items() if paths}


def entry(name="v_Jump_g01", split="train", label="Air_drumming"):
    return Entry(split, name, (name,), label)


def test_lines_have_frames_and_class_numbers():
    report, problems = build(
        (entry(), ["a/v_Jump_g01.avi"], [30], 0),
        (entry("x", "val", "Abseiling"), ["b c/x.avi"], [3], 0),
        (entry("y", "test", None), ["y.avi"], [4], 0),
        (entry("z", "val", "abseiling"), ["z"], [2], 0),
    )
    assert report.lines == {
        "train": ["/s/a/v_Jump_g01.avi 30 0"],
        "val": ['"/s/b c/x.avi" 3 1', "/s/z 2 1"],
        "test": ["/s/y.avi 4 -1"],
    }
    assert report.annotated == {"train": 1, "val": 2, "test": 1} and report.reasons == {}
    assert problems == {"short": ["z"]}


def test_copies():
    report, problems = build(
        (entry("one"), ["a/one.mp4", "b/one.mp4", "c/one.mp4"], [0, 9], 0),
        (entry("two"), ["a/two.mp4", "b/two.mp4"], [0, 0], 0),
        (entry("three"), ["a/three.mp4", "b/three.mp4"], [9], 0),
    )
    assert report.lines == {"train": ["/s/b/one.mp4 9 0", "/s/a/three.mp4 9 0"]}
    assert problems == {
        "unreadable": ["a/one.mp4", "a/two.mp4", "b/two.mp4"],
        "duplicates": ["b/three.mp4", "c/one.mp4"],
    }
    assert report.reasons["b/two.mp4"] == "bad b/two.mp4" and len(report.reasons) == 3

    report.add_unreadable({"secret": "Permission denied"})
    assert report.problems["unreadable"] == ["a/one.mp4", "a/two.mp4", "b/two.mp4", "secret"]
    assert report.reasons["secret"] == "Permission denied"


def test_replacements():
    report, problems = build(
        (entry("one"), ["r/one.mp4", "a/one.mp4"], [9], 1),
        (entry("two"), ["r/two.mp4"], [9], 1),
        (entry("three"), ["r/three.mp4", "a/three.mp4"], [0, 9], 1),
        (entry("four"), ["r/four.mp4", "s/four.mp4", "a/four.mp4"], [9], 2),
    )
    assert report.lines["train"] == [
        "/s/r/one.mp4 9 0",
        "/s/r/two.mp4 9 0",
        "/s/a/three.mp4 9 0",
        "/s/r/four.mp4 9 0",
    ]
    assert problems == {
        "replaced": ["a/four.mp4", "a/one.mp4", "two"],
        "unreadable": ["r/three.mp4"],
        "duplicates": ["s/four.mp4"],
    }


def test_respelled_names():
    _, problems = build(
        (entry("A/v_HandstandPushups_g01.avi"), ["A/v_HandStandPushups_g01.avi"], [9], 0),
        (entry("a_3_4"), ["a_3"], [9], 0),
        (entry("same.avi"), ["same.webm"], [9], 0),
    )
    assert problems == {"respelled": ["A/v_HandStandPushups_g01.avi"]}


@pytest.mark.parametrize(
    "path",
    ["/a/b#1_[x];&~.avi", "/a b/c", "/it's/c", '/a"b/c', "/a\\b c/d", "/ä/ö ü", "/a\tb", "C:\\x y"],
)
def test_quotes(path):
    line = f"{quote(path)} 12 3"
    assert shlex.split(line) == [path, "12", "3"]
