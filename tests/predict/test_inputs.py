import json
import os

import numpy as np
import pytest
from PIL import Image
from testing import refuses, video_frames
from videos import encode, moving_square

from tsm_tf.data.flow.computed import ComputedFlow
from tsm_tf.data.layouts.folder_tree import FILE, FOLDER
from tsm_tf.data.sources.flow_folder import FlowFolders
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.sources.video_file import VIDEO_FILES
from tsm_tf.predict.inputs import find_videos
from tsm_tf.predict.results import MARKER


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def images(folder, names, count=3, channels=3):
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        picture = video_frames(24, 32, channels, seed=number)
        if channels == 1:
            picture = picture[..., 0]
        for name in names:
            Image.fromarray(picture).save(folder / name.format(number))


def names_of(inputs):
    return [video.name for video in inputs.videos]


def test_a_file_is_one_video_whatever_its_name(tmp_path, monkeypatch):
    touch(tmp_path, "a.mp4", "noise")
    monkeypatch.chdir(tmp_path)
    for name in ("a.mp4", "noise", str(tmp_path / "a.mp4")):
        inputs = find_videos(name)
        assert names_of(inputs) == [name] and inputs.kind == FILE
        assert inputs.videos[0].path == str(tmp_path / os.path.basename(name))


def test_a_folder_is_searched_for_videos(tmp_path):
    """Not for those that an earlier call has written."""
    touch(tmp_path, "b.MP4", "a.avi", "x/c.webm", "x/y/d.mkv", ".hidden/e.mp4", "._f.mp4")
    touch(tmp_path, "labels.txt", "thumbnails/img_1.jpg", "x/out/a.mp4", f"x/out/{MARKER}")
    inputs = find_videos(str(tmp_path))
    expected = ["a.avi", "b.MP4", "x/c.webm", "x/y/d.mkv"]
    assert names_of(inputs) == [str(tmp_path / name) for name in expected]
    assert inputs.kind == FILE and inputs.source("rgb") is VIDEO_FILES
    assert isinstance(inputs.source("flow"), ComputedFlow)


def test_folders_of_images_are_videos(tmp_path):
    images(tmp_path / "a", ["img_{:05d}.jpg"])
    images(tmp_path / "x" / "b", ["{}.png"])
    (tmp_path / "rate.txt").write_text("12")
    inputs = find_videos(str(tmp_path))
    assert names_of(inputs) == [str(tmp_path / "a"), str(tmp_path / "x/b")]
    assert (inputs.kind, inputs.fps) == (FOLDER, 12)
    source = inputs.source("rgb")
    assert isinstance(source, FrameFolders) and source.modality == "rgb"
    assert source.fps(inputs.videos[0].path) == 12
    computed = inputs.source("flow")
    assert isinstance(computed, ComputedFlow) and isinstance(computed.source, FrameFolders)

    one = find_videos(str(tmp_path / "a"))
    assert names_of(one) == [str(tmp_path / "a")] and one.fps == 25


def test_folders_of_flow(tmp_path):
    images(tmp_path / "a", ["flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg"], channels=1)
    inputs = find_videos(str(tmp_path / "a"))
    assert type(inputs.source("flow")) is FlowFolders
    with refuses("video", "RGB frames", "not optical flow"):
        inputs.source("rgb")


def test_the_first_folder_that_can_be_read_tells_what_all_show(tmp_path):
    touch(tmp_path, "a/img_00001.jpg")
    images(tmp_path / "b", ["img_{:05d}.jpg"])
    inputs = find_videos(str(tmp_path))
    assert len(inputs.videos) == 2 and isinstance(inputs.source("flow"), ComputedFlow)
    with refuses("video", "img_00001.jpg is cut off"):
        find_videos(str(tmp_path / "a")).source("flow")


def test_lists(tmp_path, monkeypatch):
    """Paths are below the list's folder, or else below the current one."""
    touch(tmp_path, "data/a.mp4", "data/b c.mp4", "here/d.mp4", "here/e.mp4")
    monkeypatch.chdir(tmp_path / "here")
    lists = {
        "plain.txt": "a.mp4\nb c.mp4\n",
        "project.txt": 'a.mp4 12 3\n"b c.mp4" -1 0\na.mp4 12 3\n',
        "mmaction.csv": "a.mp4,3\nb c.mp4,0\n",
        "objects.json": json.dumps([{"filename": n, "label": 3} for n in ("a.mp4", "b c.mp4")]),
    }
    for name, text in lists.items():
        (tmp_path / "data" / name).write_text(text)
        inputs = find_videos(str(tmp_path / "data" / name))
        assert names_of(inputs) == ["a.mp4", "b c.mp4"], name
        assert inputs.videos[1].path == str(tmp_path / "data" / "b c.mp4")

    (tmp_path / "data" / "found.txt").write_text("./d.mp4\r\ne.mp4\r\n")
    inputs = find_videos("../data/found.txt")
    paths = [os.path.normpath(video.path) for video in inputs.videos]
    assert paths == [str(tmp_path / "here/d.mp4"), str(tmp_path / "here/e.mp4")]
    (tmp_path / "data" / "absolute.txt").write_text(f"{tmp_path}/here/d.mp4\n")
    assert find_videos("../data/absolute.txt").videos[0].path == str(tmp_path / "here/d.mp4")


def test_segments_have_names_of_their_own(tmp_path):
    touch(tmp_path, "a.mp4")
    (tmp_path / "list.txt").write_text("a.mp4 0 1.5 3\na.mp4 1.5 2 0\n")
    inputs = find_videos(str(tmp_path / "list.txt"))
    assert names_of(inputs) == ["a.mp4 0 1.5", "a.mp4 1.5 2"]
    assert [(video.start, video.end) for video in inputs.videos] == [(0, 1.5), (1.5, 2)]


def test_folders_of_images_in_a_list(tmp_path):
    images(tmp_path / "a", ["img_{:05d}.jpg"])
    (tmp_path / "list.txt").write_text("a 3 0\n")
    inputs = find_videos(str(tmp_path / "list.txt"))
    assert names_of(inputs) == ["a"] and inputs.kind == FOLDER


@pytest.mark.parametrize(
    "path, says",
    [
        ("nothing.mp4", "an existing video"),
        ("", "an existing video"),
        ("s3://bucket/a.mp4", "an existing video"),
        ("empty", "a folder with videos, or with images of one"),
        ("missing.txt", "missing, or not a file: b.mp4 (line 2)"),
        ("addresses.txt", "on this machine, also in a list"),
        ("blank.txt", "at least one video"),
        ("binary.txt", "text in UTF-8"),
        ("rates", "one number above 0"),
    ],
)
def test_bad_input(tmp_path, monkeypatch, path, says):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "a.mp4", "rates/a.mp4", "empty/readme.md")
    (tmp_path / "missing.txt").write_text("a.mp4\nb.mp4\n")
    (tmp_path / "addresses.txt").write_text("s3://bucket/a.mp4 3\n")
    (tmp_path / "blank.txt").write_text("\n \n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "rates" / "rate.txt").write_text("fast")
    with refuses("video", says):
        find_videos(path)


def test_a_name_that_cannot_be_written(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.mp4")).write_bytes(b"x")
    with refuses("video", "in UTF-8; rename"):
        find_videos(str(tmp_path))


def test_a_video_that_a_list_names_is_read(tmp_path):
    encode(tmp_path / "a.mp4", moving_square(4))
    (tmp_path / "list.txt").write_text("a.mp4\n")
    inputs = find_videos(str(tmp_path / "list.txt"))
    frames = inputs.source("rgb").read(inputs.videos[0].path, [3], None)
    assert frames.shape == (1, 48, 64, 3) and np.ptp(frames) > 100
