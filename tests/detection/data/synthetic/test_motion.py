import numpy as np
import pytest

from tsm_tf.detection.data.synthetic.motion import FAST, MEDIUM, SLOW, SPEEDS, draw_motion


def motions(speed, count=200, num_frames=32, margin=12.0):
    start = np.array((48.0, 48.0))
    return [
        draw_motion(np.random.default_rng(seed), speed, start, margin, 96, num_frames)
        for seed in range(count)
    ]


@pytest.mark.parametrize("speed", SPEEDS)
def test_objects_start_sharp_and_stay_inside(speed):
    found = motions(speed, num_frames=200)
    for motion in found:
        assert not motion.blurred[0] and not motion.glare[0]
        assert motion.centers.min() >= 12 and motion.centers.max() <= 84
        np.testing.assert_array_equal(motion.centers[0], (48, 48))
        np.testing.assert_allclose(np.diff(motion.centers, axis=0), motion.velocities[1:])
    assert speed != FAST or max(motion.centers.max() for motion in found) > 83.9


@pytest.mark.parametrize(("speed", "step", "share"), [(SLOW, 0.08, 0.08), (MEDIUM, 0.45, 0.2)])
def test_steady_objects(speed, step, share):
    found = motions(speed)
    steps = np.concatenate([np.hypot(*motion.velocities[1:].T) for motion in found])
    np.testing.assert_allclose(np.quantile(steps, [0.1, 0.5, 1]), step, rtol=1e-6)
    blurred = np.mean([motion.blurred[1:] for motion in found])
    assert abs(blurred - share) < 0.01
    angles = [np.arctan2(*motion.velocities[1:].T) for motion in found]
    turns = np.mean([np.abs(np.diff(angle)) > 1e-6 for angle in angles])
    assert turns == 0 if speed == SLOW else abs(turns - 0.1) < 0.02


def test_fast_objects_stop_and_go():
    rests, runs = set(), set()
    for motion in motions(FAST):
        steps = np.hypot(*motion.velocities.T)
        assert (motion.blurred == (steps > 0)).all()
        moving = steps[motion.blurred]
        assert moving.max() <= 6 + 1e-9
        edges = np.flatnonzero(np.diff(motion.blurred.astype(int)))
        lengths = np.diff(np.concatenate([[-1], edges]))
        rests |= set(lengths[::2].tolist())
        runs |= set(lengths[1::2].tolist())
    assert rests == {1, 2} and runs == {3, 4, 5}


def test_glare_starts_in_one_of_twenty_frames_and_is_short():
    glare = np.stack([motion.glare for motion in motions(SLOW, 500)])
    starts = glare[:, 2:] & ~glare[:, 1:-1]
    assert 0.03 < starts.mean() < 0.07
    assert 0.06 < glare[:, 2:].mean() < 0.1
