"""Folders of flow in each published form; and `tsm_tf.data.modality`, which chooses the source."""

import dataclasses
import pickle

import cv2
import numpy as np
import pytest
from testing import refuses
from videos import moving_square, write_data

from tsm_tf import ModelSpec
from tsm_tf.data.listing import Listing
from tsm_tf.data.loader import center_clip
from tsm_tf.data.modality import source_of
from tsm_tf.data.sampling_rate import frame_range
from tsm_tf.data.sources.bad_video import BadVideoError
from tsm_tf.data.sources.flow_folder import FlowFolders
from tsm_tf.data.sources.frame_folder import FrameFolders
from tsm_tf.data.sources.video_file import VIDEO_FILES

X = [cv2.resize(np.full((2, 2), 40 * i, np.uint8), (24, 16)) for i in range(1, 5)]
Y = [255 - x for x in X]
FLOW = np.stack([np.stack(pair, axis=-1) for pair in zip(X, Y, strict=True)])


def write(folder, pattern_x, pattern_y, first=1):
    folder.mkdir(parents=True)
    for pattern, images in ((pattern_x, X), (pattern_y, Y)):
        for number, image in enumerate(images, first):
            cv2.imwrite(str(folder / pattern.format(number)), image)
    return folder


def write_images(folder, images, pattern="{:06d}.jpg"):
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, 1):
        cv2.imwrite(str(folder / pattern.format(number)), image[..., ::-1])
    return folder


def as_images(flow):
    return [np.dstack([x, y, np.zeros_like(x)]) for x, y in zip(X, Y, strict=True)]


@pytest.mark.parametrize(
    ("patterns", "first"),
    [
        (("flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg"), 1),  # TSN's, and this project's
        (("000012-x_{:05d}.jpg", "000012-y_{:05d}.jpg"), 1),  # TSM's Something V1
        (("x_{:05d}.jpg", "y_{:05d}.jpg"), 1),  # MMAction2's
        (("flow_x_p2_{:05d}.jpg", "flow_y_p2_{:05d}.jpg"), 0),  # denseflow's
    ],
)
def test_x_and_y_are_pairs(patterns, first, tmp_path):
    folder = str(write(tmp_path / "v", *patterns, first))
    source = FlowFolders(12.0)
    assert source.modality == "flow"
    assert source.num_frames(folder) == 4 and source.fps(folder) == 12
    np.testing.assert_array_equal(source.read(folder, [3, 0, 3], None), FLOW[[3, 0, 3]])
    assert source.read(folder, [1], 8).shape == (1, 8, 12, 2)


def test_one_image_has_x_in_red_and_y_in_green(tmp_path):
    folder = write_images(tmp_path / "v", as_images(FLOW))
    found = FlowFolders().read(str(folder), range(4), None).astype(int)
    assert found.shape == FLOW.shape and np.abs(found - FLOW).max() <= 3


def test_rgb_images_beside_flow_are_ignored(tmp_path):
    folder = write(tmp_path / "v", "flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg")
    write_images(folder, moving_square(5, 16, 24), "img_{:05d}.jpg")
    assert FlowFolders().num_frames(str(folder)) == 4
    assert FrameFolders().num_frames(str(folder)) == 5


def test_bad_folders(tmp_path):
    folder = write(tmp_path / "v", "flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg")
    with pytest.raises(BadVideoError, match="frame 4 is requested, the last is 3"):
        FlowFolders().read(str(folder), [4], None)
    cv2.imwrite(str(folder / "flow_y_00002.jpg"), Y[0][:8])
    with pytest.raises(BadVideoError, match=r"x and y of different sizes: flow_x_00002\.jpg, "):
        FlowFolders().read(str(folder), [1], None)
    (folder / "flow_y_00003.jpg").write_bytes(b"")
    with pytest.raises(BadVideoError, match=r"flow_y_00003\.jpg"):
        FlowFolders().read(str(folder), [2], None)
    (folder / "flow_y_00003.jpg").unlink()
    with pytest.raises(BadVideoError, match=r"flow_y_00003\.jpg is missing"):
        FlowFolders().read(str(folder), [0], None)


def test_processes_get_a_copy():
    assert pickle.loads(pickle.dumps(FlowFolders(12.0, ["/d"]))).roots == ("/d",)


def listing(folder):
    (folder / "val.txt").write_text("v -1 0\n")
    (folder / "labels.txt").write_text("a\nb\n")
    return Listing(folder)


def test_flow_of_something_v1_as_tsm_publishes_it(tmp_path):
    """Lists name the folder 000012 as 12, and count x and y; the original halves the number."""
    for number in (12, 345):
        name = f"{number:06d}"
        write(tmp_path / name, f"{name}-x_{{:05d}}.jpg", f"{name}-y_{{:05d}}.jpg")
    (tmp_path / "category.txt").write_text("Holding something\nPushing something\n")
    for split in ("train", "val"):
        (tmp_path / f"{split}_videofolder_flow.txt").write_text("12 8 0\n345 8 1\n")

    data = Listing(tmp_path)
    source = source_of(data, "flow")
    spec = ModelSpec(num_classes=2, num_segments=2, input_size=32, modality="flow")
    for video in data.videos("train"):
        assert frame_range(video, source) == (0, 4)
        counted = dataclasses.replace(video, num_frames=-1)
        clips = [center_clip(one, spec, source) for one in (video, counted)]
        np.testing.assert_array_equal(clips[0], clips[1])
    with refuses("modality", "must be flow, as the data are", "rgb"):
        source_of(data, "rgb")


def test_the_model_decides_where_a_folder_has_both(tmp_path):
    folder = write(tmp_path / "v", "flow_x_{:05d}.jpg", "flow_y_{:05d}.jpg")
    write_images(folder, moving_square(5, 16, 24), "img_{:05d}.jpg")
    (tmp_path / "rate.txt").write_text("12\n")
    data = listing(tmp_path)
    flow, rgb = (source_of(data, modality) for modality in ("flow", "rgb"))
    assert isinstance(flow, FlowFolders) and flow.fps(str(folder)) == 12
    assert not isinstance(rgb, FlowFolders) and isinstance(rgb, FrameFolders)


def test_flow_and_rgb_are_not_confused(tmp_path):
    flow, images, rgb, video = (tmp_path / name for name in ("flow", "images", "rgb", "video"))
    write(flow / "v", "x_{:05d}.jpg", "y_{:05d}.jpg")
    with refuses("modality", "must be flow, as the data are", "rgb"):
        source_of(listing(flow), "rgb")

    write_images(images / "v", as_images(FLOW))
    assert isinstance(source_of(listing(images), "flow"), FlowFolders)

    noise = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    write_images(rgb / "v", [cv2.resize(image, (48, 32)) for image in noise])
    assert isinstance(source_of(listing(rgb), "rgb"), FrameFolders)
    with refuses("modality", "must be rgb, as the data are", "flow"):
        source_of(listing(rgb), "flow")

    write_data(video, {"val": 1})
    assert source_of(Listing(video), "rgb") is VIDEO_FILES
    with refuses("modality", "must be rgb, as the data are", "flow"):
        source_of(Listing(video), "flow")


def test_what_cannot_be_read_says_nothing_about_the_modality(tmp_path):
    """Commands that leave out such videos can go past the first one."""
    write(tmp_path / "w", "x_{:05d}.jpg", "y_{:05d}.jpg")
    (tmp_path / "v").mkdir()
    data = listing(tmp_path)
    (tmp_path / "val.txt").write_text("v -1 0\nw -1 1\n")
    with refuses("modality", "must be flow, as the data are", "rgb"):
        source_of(data, "rgb")


@pytest.mark.parametrize("motion", ["none", "strong"])
def test_flow_in_one_image_is_never_taken_for_rgb(motion, tmp_path):
    """Chroma subsampling leaves a little of x and y in the blue channel."""
    noise = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    image = cv2.resize(noise, (160, 128))
    image[..., 2] = 0
    if motion == "none":
        image[..., :2] = 128
    write_images(tmp_path / "v", [image] * 5)
    assert isinstance(source_of(listing(tmp_path), "flow"), FlowFolders)
