import numpy as np
import pytest

from tsm_tf.data.synthetic.scene import HEIGHT, WIDTH, Scene


def scene(seed=0, num_frames=8):
    return Scene(np.random.default_rng(seed), num_frames)


def hand_at(x, y, size=0.5, angle=0.0, seed=0):
    """The pixels that the hand covers, `bool [HEIGHT, WIDTH]`."""
    drawn, empty = (scene(seed).draw(0, x, y, s, angle) for s in (size, 0))
    return (drawn != empty).any(-1)


def center(mask):
    return np.argwhere(mask).mean(0)[::-1] / (WIDTH, HEIGHT)


def test_a_scene_follows_from_its_generator():
    one, same, other = (scene(seed).draw(3, 0.5, 0.5, 0.5, 10) for seed in (1, 1, 2))
    assert one.shape == (HEIGHT, WIDTH, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_drawing_leaves_the_background_alone():
    drawn = scene()
    first = drawn.draw(2, 0.5, 0.5, 0.5, 0)
    drawn.draw(2, 0.3, 0.3, 0.9, 90)
    np.testing.assert_array_equal(drawn.draw(2, 0.5, 0.5, 0.5, 0), first)


@pytest.mark.parametrize("seed", range(5))
def test_the_hand_moves_grows_and_turns(seed):
    left, right = (center(hand_at(x, 0.5, seed=seed)) for x in (0.3, 0.7))
    np.testing.assert_allclose(right - left, (0.4, 0), atol=0.02)
    high, low = (center(hand_at(0.5, y, 0.3, seed=seed)) for y in (0.35, 0.65))
    np.testing.assert_allclose(low - high, (0, 0.3), atol=0.02)
    small, large = (hand_at(0.5, 0.5, size, seed=seed).sum() for size in (0.3, 0.6))
    assert 2 < large / small < 6
    upright, turned = (hand_at(0.5, 0.5, 0.6, angle, seed=seed) for angle in (0, 90))
    extents = [np.ptp(np.argwhere(mask), axis=0) for mask in (upright, turned)]
    assert extents[0][0] > extents[0][1] and extents[1][0] < extents[1][1]


def test_no_hand_at_size_zero():
    assert not hand_at(0.5, 0.5, size=0).any()


def test_the_hand_stands_out():
    for seed in range(20):
        drawn = scene(seed)
        background = drawn.background.mean((0, 1))
        assert abs((np.array(drawn.color) - background) @ (0.299, 0.587, 0.114)) > 59
