import json

import numpy as np
import pytest
from testing import refuses, video_frames

from tsm_tf import ModelSpec
from tsm_tf.data import transforms


@pytest.fixture(scope="module")
def golden(golden_dir):
    return json.loads((golden_dir / "sampling.json").read_text())


def test_official_multi_scale_boxes(golden):
    for case in golden["multi_scale_crop"]:
        boxes = transforms.crop_boxes(*case["image"], case["input_size"], case["scales"])
        assert sorted({*boxes}) == sorted(map(tuple, case["boxes"])), case["image"]


def test_official_test_crops(golden):
    for case in golden["test_crops"]:
        width, height = case["image"]
        assert transforms.five_crop_corners(width, height, case["crop"]) == [tuple(c) for c in case["five"]]
        if case["three"] is None:
            with refuses("crop", "must fit"):
                transforms.three_crop_corners(width, height, case["full_res_crop"])
        else:
            corners = transforms.three_crop_corners(width, height, case["full_res_crop"])
            assert corners == [tuple(c) for c in case["three"]]


def test_multi_scale_crop_takes_one_box_for_the_whole_clip():
    rows = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((1, 60, 3), np.uint8)
    clip = np.stack([rows, rows])
    rng = np.random.default_rng(1)
    crops = [transforms.multi_scale_crop(clip, 32, rng) for _ in range(20)]
    assert all(crop.shape == (2, 32, 32, 3) and (crop[0] == crop[1]).all() for crop in crops)
    assert len({crop.tobytes() for crop in crops}) > 5


def test_center_crop_and_eval_frame():
    frame = video_frames(100, 140, 3)
    np.testing.assert_array_equal(transforms.center_crop(frame, 60), frame[20:80, 40:100])
    spec = ModelSpec(input_size=64)
    assert transforms.eval_frame(frame, spec).shape == (64, 64, 3)
    assert transforms.eval_frame(video_frames(300, 90, 3), spec).shape == (64, 64, 3)
    with refuses("size", "must fit"):
        transforms.center_crop(frame, 120)


def test_flips_swap_sided_words_and_spare_the_rest():
    labels = ("Swiping Left", "Swiping Right", "turn_clockwise", "turn_counter-clockwise", "Stop Sign", "Left turn")
    assert transforms.flip_targets(labels) == (1, 0, 3, 2, 4, None)
    text = transforms.describe_flips(labels, transforms.flip_targets(labels))
    assert "Swiping Left <-> Swiping Right" in text and "never flipped: Left turn" in text


def test_flips_of_jester():
    labels = ("Turning Hand Clockwise", "Turning Hand Counterclockwise", "Swiping Up", "Copyright", "Leftover")
    assert transforms.flip_targets(labels) == (1, 0, 2, 3, 4)
