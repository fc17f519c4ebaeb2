import json

import numpy as np
import pytest
from testing import refuses, video_frames
from videos import natural_videos

from tsm_tf import ModelSpec
from tsm_tf.data import crops as transforms
from tsm_tf.data.sources.video_file import read_frames


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
        assert transforms.five_crop_corners(width, height, case["crop"]) == [
            tuple(c) for c in case["five"]
        ]
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
    labels = (
        "Swiping Left",
        "Swiping Right",
        "turn_clockwise",
        "turn_counter-clockwise",
        "Stop Sign",
        "Left turn",
    )
    assert transforms.flip_targets(labels) == (1, 0, 3, 2, 4, None)
    text = transforms.describe_flips(labels, transforms.flip_targets(labels))
    assert "Swiping Left <-> Swiping Right" in text and "never flipped: Left turn" in text


def test_flips_of_jester():
    labels = (
        "Turning Hand Clockwise",
        "Turning Hand Counterclockwise",
        "Swiping Up",
        "Copyright",
        "Leftover",
    )
    assert transforms.flip_targets(labels) == (1, 0, 2, 3, 4)


@pytest.mark.parametrize(
    ("labels", "targets"),
    [
        (
            (
                "Turn left hand clockwise",
                "Turn right hand clockwise",
                "Turn right hand anti-clockwise",
            ),
            (2, None, 0),
        ),
        (("from left to right", "from right to left", "left-to-right"), (1, 0, None)),
        (("SwipeLeft", "SwipeRight", "TurnCounterClockwise", "TurnClockwise"), (1, 0, 3, 2)),
        (("left 2 fingers", "left 3 fingers", "right 2 fingers", "right 3 fingers"), (2, 3, 0, 1)),
        (("LEFT2", "right2", "upright", "clockwork"), (1, 0, 2, 3)),
        (("Nach links", "Geste à gauche", "手を左"), (0, 1, 2)),
    ],
)
def test_flip_pairs(labels, targets):
    assert transforms.flip_targets(labels) == targets


def test_boxes_stay_inside_a_frame_that_is_smaller_than_the_input():
    for side in (61, 62, 63, 64):
        for w, h, x, y in transforms.crop_boxes(side, 80, 64):
            assert 0 <= x <= side - w and 0 <= y <= 80 - h
    assert transforms.multi_scale_crop(
        video_frames(2, 62, 62, 3), 64, np.random.default_rng(0)
    ).shape == (2, 64, 64, 3)


@pytest.mark.parametrize("path", natural_videos(), ids=lambda path: path.stem)
def test_a_camera_frame_looks_like_a_decoded_one(path):
    """Cameras give whole frames, which OpenCV scales; files are scaled while they are decoded."""
    spec = ModelSpec(input_size=64)
    from_camera = transforms.eval_frame(read_frames(path, [40])[0], spec).astype(int)
    from_file = transforms.center_crop(read_frames(path, [40], spec.short_side)[0], spec.input_size)
    difference = np.abs(from_camera - from_file)
    assert difference.mean() < 2 and abs((from_camera - from_file).mean()) < 0.1


def test_a_file_overrides_the_flips(tmp_path):
    labels = ("Wave left", "Wave right", "Point here", "Point there", "Writing")
    path = tmp_path / "flips.json"
    path.write_text('{"Point here": "Point there", "Writing": null}')
    assert transforms.read_flip_targets(path, labels) == (1, 0, 3, 2, None)
    for text, part in (
        ("left <-> right", "JSON object"),
        ("3", "JSON object"),
        ('{"Wave": "Wave left"}', "must name classes"),
        ('{"Wave left": "Writing"}', "pair 'Wave right'"),
    ):
        path.write_text(text)
        with refuses("flips", part):
            transforms.read_flip_targets(path, labels)
    with pytest.raises(FileNotFoundError, match="`flips`"):
        transforms.read_flip_targets(tmp_path / "gone.json", labels)
