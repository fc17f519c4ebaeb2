import numpy as np
import pytest

from tsm_tf.data.synthetic.gestures import (
    LABELS,
    gesture_frames,
    hand_poses,
    num_gesture_frames,
)


def test_a_pair_has_the_same_poses_at_every_moment():
    """Each pose is equally likely in both directions, so no single frame tells a pair apart."""
    for label in range(0, 8, 2):
        one, other = (
            np.stack([hand_poses(member, np.random.default_rng(seed), 30) for seed in range(600)])
            for member in (label, label + 1)
        )
        reverse = one[:, ::-1]
        spread = one.std((0, 1)) + 1e-9
        np.testing.assert_allclose(other.mean(0) / spread, reverse.mean(0) / spread, atol=0.25)
        moving = label // 2  # x, y, size or angle
        for quantile in (0.1, 0.5, 0.9):
            a, b = (np.quantile(poses[..., moving], quantile) for poses in (one, other))
            assert abs(a - b) < 0.15 * spread[moving]


def test_playing_backwards_turns_a_class_into_its_pair():
    forwards, _ = gesture_frames(0, (7,))
    backwards, _ = gesture_frames(0, (7,), reverse=True)
    np.testing.assert_array_equal(forwards[::-1], backwards)


@pytest.mark.parametrize("label", range(9))
def test_every_class_moves_as_its_name_says(label):
    pose = hand_poses(label, np.random.default_rng(5), 30)
    change = pose[-1] - pose[0]
    expected = {
        0: (0, -1),
        1: (0, 1),
        2: (1, -1),
        3: (1, 1),
        4: (2, 1),
        5: (2, -1),
        6: (3, 1),
        7: (3, -1),
    }
    if label in expected:
        column, sign = expected[label]
        assert sign * change[column] > (20 if column == 3 else 0.1)
    else:
        assert np.abs(change[:2]).max() < 0.1


def test_no_gesture_ends_where_it_began():
    poses = np.stack([hand_poses(8, np.random.default_rng(seed), 30) for seed in range(100)])
    moves = np.abs(poses[:, :, :2] - poses[:, :1, :2]).max((1, 2))
    assert (moves > 0.07).any() and (moves < 0.05).any() and (poses[:, :, 2] == 0).all(1).any()
    assert np.abs(poses[:, 0, :2] - poses[:, -1, :2]).max() < 0.05  # jitter


def test_lengths_are_known_without_drawing():
    for seed in ((0,), (3, 14)):
        frames, fps = gesture_frames(LABELS.index("No gesture"), seed)
        assert frames.shape == (num_gesture_frames(seed), 84, 112, 3) and frames.dtype == np.uint8
        assert fps in (12, 15, 20, 24)
