import pathlib

import pytest
from testing import refuses

from tsm_tf.data.record.clips import (
    check_background,
    check_classes,
    missing_clips,
    newest_clip,
    plan_clips,
)


def names(clips, folder):
    return [clip.path.relative_to(folder).as_posix() for clip in clips]


def test_every_fifth_clip_is_for_validation(tmp_path):
    clips = plan_clips(tmp_path, ("a", "b"), 6)
    assert names(clips[:6], tmp_path) == [
        *("train/a/001.mp4", "train/a/002.mp4", "train/a/003.mp4", "train/a/004.mp4"),
        *("val/a/005.mp4", "train/a/006.mp4"),
    ]
    assert [clip.title for clip in clips[5:7]] == ["a 6/6", "b 1/6"]
    few = plan_clips(tmp_path, ("a", "b"), 2)
    assert names(few, tmp_path) == [
        *("train/a/001.mp4", "val/a/002.mp4"),
        *("train/b/001.mp4", "val/b/002.mp4"),
    ]


def test_recorded_clips_are_found_in_either_split(tmp_path):
    few = plan_clips(tmp_path, ("a", "b"), 2)
    assert newest_clip(few) is None
    few[1].path.parent.mkdir(parents=True)
    few[1].path.touch()  # for validation, of two

    many = plan_clips(tmp_path, ("a", "b"), 5)
    assert names(missing_clips(many), tmp_path)[:3] == [
        *("train/a/001.mp4", "train/a/003.mp4", "train/a/004.mp4"),
    ]
    assert newest_clip(many) == many[1] and many[1].path == few[1].path


@pytest.mark.parametrize("count", [-1, 0, 1, 1000])
def test_numbers_of_clips(count):
    with refuses("clips", "from 2 to 999", str(count)):
        plan_clips(pathlib.Path("x"), ("a", "b"), count)


def test_names_become_folders(tmp_path):
    good = (
        "wave",
        "Swiping Left",
        "50%",
        "c#",
        "[a]",
        "été",
        "дом",
        "a.b",
        "it's",
        "com",
        "console",
    )
    assert check_classes([f" {name} " for name in good]) == good
    for name in good:
        (tmp_path / name).mkdir()
    assert check_classes(["e\u0301", "b"]) == ("é", "b")  # as macOS writes it


@pytest.mark.parametrize(
    "name",
    [
        *("", "  ", ".", "..", ".hidden", "end.", "a/b", "a\\b", "a:b", "a*", "a?", 'a"b', "a|b"),
        *(
            "a<b",
            "a\nb",
            "a\0b",
            "a\x1bb",
            "x" * 201,
            "ж" * 101,
            "CON",
            "nul.txt",
            "com1",
            "LPT9.a",
        ),
    ],
)
def test_names_that_no_folder_can_have(name):
    with refuses("classes", "names of folders"):
        check_classes(["wave", name])


def test_too_few_or_equal_classes():
    for few in ([], ["wave"]):
        with refuses("classes", "at least two"):
            check_classes(few)
    for equal in (["wave", "wave "], ["wave", "Wave"]):
        with refuses("classes", "distinct"):
            check_classes(equal)


def test_background_is_found_by_name_or_given():
    assert check_background(None, ("wave", "Nothing", "idle")) == ("Nothing", "idle")
    assert check_background(None, ("wave", "point")) == ()
    assert check_background([], ("wave", "nothing")) == ()
    assert check_background([" point "], ("wave", "point")) == ("point",)
    with refuses("background", "names in classes", "other"):
        check_background(["other"], ("wave", "point"))
    with refuses("background", "at least one class"):
        check_background(None, ("nothing", "idle"))
