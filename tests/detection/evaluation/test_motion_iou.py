import numpy as np
import pytest
from true_boxes import HALF_OPEN

from tsm_tf.detection.evaluation.motion_iou import motion_iou


def test_golden_values(golden_dir):
    golden = np.load(golden_dir / "detection.npz")
    tracks = golden["motion/tracks"]
    values = motion_iou(
        tracks[:, 0].astype(int), tracks[:, 1].astype(int), tracks[:, 2:] + HALF_OPEN
    )
    np.testing.assert_allclose(values, golden["motion/iou"], rtol=0, atol=1e-9)


def test_own_boxes_within_ten_frames_count():
    """The object jumps from one place to another; frames 3 to 11 lack it."""
    frames = np.array([0, 1, 2, 12])
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2], [0, 0, 2, 2], [0, 0, 2, 2]], float)
    expected = [(1 / 3 + 1) / 2, (1 / 3 + 1 / 3) / 2, (1 + 1 / 3 + 1) / 3, 1.0]
    np.testing.assert_allclose(motion_iou(frames, np.zeros(4, int), boxes), expected)


def test_tracks_do_not_mix_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    frames, tracks = np.tile(np.arange(30), 3), np.repeat([0, 1, 2], 30)
    corners = rng.uniform(0, 50, (90, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(30, 60, (90, 2))], axis=1)
    alone = [
        motion_iou(frames[tracks == t], tracks[tracks == t], boxes[tracks == t]) for t in range(3)
    ]
    shuffled = rng.permutation(90)
    mixed = motion_iou(frames[shuffled], tracks[shuffled], boxes[shuffled])
    np.testing.assert_allclose(mixed, np.concatenate(alone)[shuffled])


@pytest.mark.parametrize("count", [0, 1])
def test_no_other_box(count):
    assert (
        motion_iou(np.zeros(count, int), np.zeros(count, int), np.ones((count, 4))).tolist()
        == [1.0] * count
    )
