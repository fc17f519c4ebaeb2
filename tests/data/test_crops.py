import json

import numpy as np
import pytest
from testing import refuses, video_frames
from videos import natural_videos

from tsm_tf import ModelSpec
from tsm_tf.data import crops
from tsm_tf.data.resize import Resizer, scaled_size
from tsm_tf.data.sources.video_file import read_frames


@pytest.fixture(scope="module")
def golden(golden_dir):
    return json.loads((golden_dir / "sampling.json").read_text())


def test_official_multi_scale_boxes(golden):
    for case in golden["multi_scale_crop"]:
        boxes = crops.crop_boxes(*case["image"], case["input_size"], case["scales"])
        assert sorted({*boxes}) == sorted(map(tuple, case["boxes"])), case["image"]


def test_official_test_crops(golden):
    for case in golden["test_crops"]:
        width, height = case["image"]
        assert crops.five_crop_corners(width, height, case["crop"]) == [
            tuple(c) for c in case["five"]
        ]
        if case["three"] is None:
            with refuses("crop", "must fit"):
                crops.three_crop_corners(width, height, case["full_res_crop"])
        else:
            corners = crops.three_crop_corners(width, height, case["full_res_crop"])
            assert corners == [tuple(c) for c in case["three"]]


def test_multi_scale_crop_takes_one_box_for_the_whole_clip():
    rows = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((1, 60, 3), np.uint8)
    clip = np.stack([rows, rows])
    rng = np.random.default_rng(1)
    found = [crops.multi_scale_crop(clip, 32, rng) for _ in range(20)]
    assert all(crop.shape == (2, 32, 32, 3) and (crop[0] == crop[1]).all() for crop in found)
    assert len({crop.tobytes() for crop in found}) > 5


def test_center_crop_and_eval_frame():
    frame = video_frames(100, 140, 3)
    np.testing.assert_array_equal(crops.center_crop(frame, 60), frame[20:80, 40:100])
    spec = ModelSpec(input_size=64)
    assert crops.eval_frame(frame, spec).shape == (64, 64, 3)
    assert crops.eval_frame(video_frames(300, 90, 3), spec).shape == (64, 64, 3)
    with refuses("size", "must fit"):
        crops.center_crop(frame, 120)


def test_boxes_stay_inside_a_frame_that_is_smaller_than_the_input():
    for side in (61, 62, 63, 64):
        for w, h, x, y in crops.crop_boxes(side, 80, 64):
            assert 0 <= x <= side - w and 0 <= y <= 80 - h
    assert crops.multi_scale_crop(
        video_frames(2, 62, 62, 3), 64, np.random.default_rng(0)
    ).shape == (2, 64, 64, 3)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_a_camera_frame_looks_like_a_decoded_one(path):
    spec = ModelSpec(input_size=64)
    from_camera = crops.eval_frame(read_frames(path, [40])[0], spec)
    from_file = crops.center_crop(read_frames(path, [40], spec.short_side)[0], spec.input_size)
    np.testing.assert_array_equal(from_camera, from_file)


def test_eval_frame_resizes_in_both_directions():
    spec = ModelSpec(input_size=35)
    assert spec.short_side == 40
    for height, width in ((64, 96), (20, 16), (40, 50)):
        frame = video_frames(height, width, 3)
        size = scaled_size(width, height, 40)
        expected = crops.center_crop(Resizer().resize(frame, *size), 35)
        np.testing.assert_array_equal(crops.eval_frame(frame, spec), expected)


def test_a_spec_may_crop_nothing():
    spec = ModelSpec(input_size=40, crop_pct=1.0)
    frame = video_frames(80, 80, 3)
    np.testing.assert_array_equal(crops.eval_frame(frame, spec), Resizer().resize(frame, 40, 40))
