import json

import numpy as np
import pytest
from testing import refuses, video_frames
from videos import natural_videos

from tsm_tf import ModelSpec
from tsm_tf.data import crops
from tsm_tf.data.augmentation_settings import AugmentationSettings
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


def test_multi_scale_crop_chooses_among_the_official_boxes():
    rng = np.random.default_rng(1)
    found = {crops.choose_crop(60, 40, 32, rng) for _ in range(5000)}
    assert found == set(crops.crop_boxes(60, 40, 32))
    of_flow = {crops.choose_crop(60, 40, 32, rng, modality="flow") for _ in range(5000)}
    assert of_flow == set(crops.crop_boxes(60, 40, 32, (1, 0.875, 0.75)))


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
    assert crops.resize_crop(video_frames(2, 62, 62, 3), 64).shape == (2, 64, 64, 3)


def test_random_resized_boxes_have_the_given_areas_and_shapes():
    settings = AugmentationSettings("random_resized", crop_area=(0.25, 0.5), crop_aspect=(0.8, 2))
    rng = np.random.default_rng(0)
    boxes = [crops.choose_crop(340, 256, 224, rng, settings) for _ in range(2000)]
    w, h, x, y = np.array(boxes).T
    assert (x >= 0).all() and (x + w <= 340).all() and (y >= 0).all() and (y + h <= 256).all()
    area, aspect = w * h / (340 * 256), w / h
    assert 0.248 < area.min() < 0.26 and 0.47 < area.max() < 0.503
    assert 0.79 < aspect.min() < 0.83 and 1.7 < aspect.max() < 2.02
    assert x.min() == 0 and y.min() == 0 and len(set(boxes)) > 1900

    # Too wide for the allowed shapes: the largest box at the centre.
    settings = AugmentationSettings("random_resized", crop_area=(1, 1))
    assert crops.choose_crop(400, 30, 224, rng, settings) == (40, 30, 180, 0)


def test_scale_jitter_takes_squares_of_the_scaled_frame():
    settings = AugmentationSettings("scale_jitter", zoom=(1, 2))
    rng = np.random.default_rng(0)
    boxes = {crops.choose_crop(300, 200, 112, rng, settings) for _ in range(3000)}
    assert {w - h for w, h, _, _ in boxes} == {0}
    assert {w for w, _, _, _ in boxes} == set(range(100, 201))
    places = {x for w, _, x, _ in boxes if w < 120}
    assert min(places) < 10 and 180 < max(places) <= 200
    assert crops.choose_crop(80, 60, 112, rng, AugmentationSettings("scale_jitter", zoom=(2, 2)))[
        :2
    ] == (30, 30)


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
