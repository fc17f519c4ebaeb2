import os

import pytest
from testing import refuses

from tsm_tf.data.sources.frame_names import FrameNames, NumberedImages, find_frame_names
from tsm_tf.errors import MissingFile


@pytest.fixture
def fill(tmp_path):
    """Returns a function that makes a folder with empty files."""

    def make(*names):
        folder = tmp_path / "video"
        folder.mkdir(exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name in names:
            (folder / name).touch()
        return folder

    return make


PUBLISHED = {
    "TSN": (
        ["img_{:05d}.jpg", "flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg"],
        ("img_", 5),
        ("flow_x_", 5),
        ("flow_y_", 5),
    ),
    "Something V1": (["{:05d}.jpg"], ("", 5), None, None),
    "Something V1, flow": (
        ["000012-x_{:05d}.jpg", "000012-y_{:05d}.jpg"],
        None,
        ("000012-x_", 5),
        ("000012-y_", 5),
    ),
    "Something V2": (["{:06d}.jpg"], ("", 6), None, None),
    "MMAction2, flow": (["x_{:05d}.jpg", "y_{:05d}.jpg"], None, ("x_", 5), ("y_", 5)),
    "denseflow, step 2": (
        ["flow_x_p2_{:05d}.jpg", "flow_y_p2_{:05d}.jpg"],
        None,
        ("flow_x_p2_", 5),
        ("flow_y_p2_", 5),
    ),
    "SlowFast": (["78687_{:06d}.jpg"], ("78687_", 6), None, None),
    "no zeros": (["frame{}.jpg"], ("frame", 1), None, None),
}


@pytest.mark.parametrize("first", [0, 1, 300])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_names(fill, name, first):
    patterns, *expected = PUBLISHED[name]
    numbers = range(first, first + 11)
    folder = fill(*(pattern.format(number) for pattern in patterns for number in numbers))

    digits = {1: len(str(first))}  # whether smaller numbers have zeros is unknown
    assert find_frame_names(folder) == FrameNames(
        *(
            kind and NumberedImages(kind[0], digits.get(kind[1], kind[1]), ".jpg", first, 11)
            for kind in expected
        )
    )


def test_names_by_index():
    images = NumberedImages("img_", 5, ".JPG", 99_998, 4)
    assert [images.name(i) for i in range(3)] == [
        "img_99998.JPG",
        "img_99999.JPG",
        "img_100000.JPG",
    ]


def test_more_digits_than_zeros(fill):
    folder = fill("img_99999.jpg", "img_100000.jpg")
    assert find_frame_names(folder).images == NumberedImages("img_", 5, ".jpg", 99_999, 2)


def test_other_suffixes(fill):
    for suffix in (".jpg", ".jpeg", ".png", ".JPG", ".Png"):
        names = find_frame_names(fill(f"a b#[1]_1{suffix}", f"a b#[1]_2{suffix}"))
        assert names == FrameNames(NumberedImages("a b#[1]_", 1, suffix, 1, 2))


def test_other_files_are_ignored(fill):
    folder = fill("1.jpg", "2.jpg", "._1.jpg", "Thumbs.db", ".DS_Store", "n_frames", "cover.jpg")
    (folder / "3.jpg").mkdir()
    os.mkfifo(folder / "4.jpg")
    (folder / "5.jpg").symlink_to("nothing")
    images = find_frame_names(folder).images
    assert images == NumberedImages("", 1, ".jpg", 1, 2)
    (folder / "3.jpg").rmdir()
    for number in "45":
        (folder / f"{number}.jpg").unlink()


def test_bad_folders(fill, tmp_path):
    for files, reason in (
        ([], "without numbered images"),
        (["img_١.jpg", "img_٢.jpg"], "without numbered images"),
        (["cover.jpg", "a.mp4"], "without numbered images"),
        (["img_00001.jpg", "img_00003.jpg"], "img_00002.jpg is missing)"),
        (["3.jpg", "4.jpg", "9.jpg", "11.jpg"], "5.jpg is missing, and 4 more"),
        (["1.jpg", "999999999999.jpg"], "2.jpg is missing, and 999,999,999,996 more"),
        (["1.jpg", "01.jpg"], "two images have the number 1"),
        (["01.jpg", "2.jpg"], "numbers with 1 and with 2 digits"),
        (["001.jpg", "002.jpg", "0003.jpg"], "numbers with 3 and with 4 digits"),
        (["img_1.jpg", "image_1.jpg"], "several names: image_1.jpg, img_1.jpg"),
        (["1.jpg", "2.png"], "several names: 1.jpg, 2.png"),
        (["5_1.jpg", "6_1.jpg"], "several names: 5_1.jpg, 6_1.jpg"),
        (["flow_x_1.jpg", "x_1.jpg", "flow_y_1.jpg"], "several names: x_1.jpg, flow_x_1.jpg"),
        (["flow_x_1.jpg"], "x and y do not match: flow_x_1.jpg to flow_x_1.jpg"),
        (["x_1.jpg", "x_2.jpg", "y_1.jpg"], "x_1.jpg to x_2.jpg, y_1.jpg to y_1.jpg"),
        (["x_1.jpg", "y_2.jpg"], "x and y do not match"),
    ):
        with refuses("video", reason, str(tmp_path / "video")):
            find_frame_names(fill(*files))

    (tmp_path / "file").touch()
    with refuses("video", "a file, not a folder", str(tmp_path / "file")):
        find_frame_names(tmp_path / "file")
    for name in ("missing", "zero\0byte", "x" * 5000):
        with pytest.raises((MissingFile, ValueError), match="video"):
            find_frame_names(tmp_path / name)


def test_images_that_are_links(fill, tmp_path):
    folder = fill("1.jpg")
    (tmp_path / "outside.jpg").touch()
    (folder / "2.jpg").symlink_to("1.jpg")
    assert find_frame_names(folder, [str(folder.resolve())]).images.count == 2

    (folder / "3.jpg").symlink_to("../outside.jpg")
    assert find_frame_names(folder).images.count == 3
    assert find_frame_names(folder, [str(tmp_path.resolve())]).images.count == 3
    with refuses("video", f"3.jpg is a link to {tmp_path}/outside.jpg, outside of", str(folder)):
        find_frame_names(folder, [str(folder.resolve())])
