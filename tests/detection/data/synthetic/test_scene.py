import dataclasses

import numpy as np
import pytest

from tsm_tf.detection.data.synthetic import scene as scenes
from tsm_tf.detection.data.synthetic.scene import LABELS, SIZE, Scene


@pytest.fixture
def plain(monkeypatch):
    """Scenes without ghosts and noise."""
    monkeypatch.setattr(scenes, "_GHOSTS", 0)
    monkeypatch.setattr(scenes, "_NOISE", 0)


def only_object(seed, num_frames=16, **changes):
    """A scene with its first object only, grey on black, without a pole."""
    scene = Scene((seed,), num_frames)
    scene.background[:] = 0
    scene.pole = None
    shape = dataclasses.replace(scene.shapes[0], color=np.full(3, 0.5), **changes)
    scene.shapes, scene.motions = [shape], scene.motions[:1]
    return scene


def test_a_seed_decides_everything():
    one, two, other = (Scene((seed, 5), 6).frames() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1] and (one[0] != other[0]).any()
    assert one[0].shape == (6, SIZE, SIZE, 3) and one[0].dtype == np.uint8


def test_boxes_are_the_extent_of_the_objects(plain):
    for seed in range(12):
        scene = only_object(seed)
        frames, objects = scene.frames()
        (drawn,) = objects[0]
        rows, columns = np.nonzero(frames[0].max(2) >= 32)
        x1, y1, x2, y2 = drawn.box
        found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert np.abs(np.subtract(found, (x1, y1, x2, y2))).max() <= 1
        assert x2 - x1 == y2 - y1 == 2 * scene.shapes[0].half_size
        assert not drawn.is_degraded and drawn.track == 0


@pytest.mark.parametrize("label", range(len(LABELS)))
def test_marks_are_weak_in_blurred_frames(plain, label):
    """The contrast of a mark is half of the difference between a light and a dark one."""
    sharp, blurred = [], []
    for seed in range(10):
        scene, dark = (only_object(seed, label=label, sign=sign) for sign in (1, -1))
        (frames, objects), (dark_frames, _) = scene.frames(), dark.frames()
        contrasts = np.subtract(frames, dark_frames, dtype=int).max((1, 2, 3)) / 255 / 2

        motion = scene.motions[0]
        hidden = motion.blurred | motion.glare
        assert [drawn.is_degraded for (drawn,) in objects] == hidden.tolist()
        sharp += contrasts[~hidden].tolist()
        blurred += contrasts[motion.blurred & ~motion.glare].tolist()

    np.testing.assert_allclose(sharp, 0.35, atol=0.01)
    assert len(blurred) > 20 and max(blurred) <= 0.07 + 0.01
    assert 0.02 < np.median(blurred) < 0.065


def test_classes_have_distinct_marks_and_the_same_bodies(plain):
    first = {
        label: only_object(3, label=label, sign=1).frames()[0][0] for label in range(len(LABELS))
    }
    marks = {label: (frame.max(2) > 180) for label, frame in first.items()}
    for label, mark in marks.items():
        assert mark.sum() > 40
        for other in range(label):
            overlap = (mark & marks[other]).sum() / (mark | marks[other]).sum()
            assert overlap < 0.6
    bodies = [frame.max(2) > 32 for frame in first.values()]
    assert all((body == bodies[0]).all() for body in bodies)


def test_poles_and_objects_in_front_hide_marks(plain):
    scene = only_object(4, num_frames=1)
    x = round(scene.motions[0].centers[0, 0])
    place = (slice(0, SIZE), slice(x - 7, x + 8))
    scene.pole = scenes._Layer(place, np.ones((SIZE, 15, 3)), np.ones((SIZE, 15)))
    ((drawn,),) = scene.frames()[1]
    assert drawn.is_degraded and drawn.is_occluded

    scene = only_object(4, num_frames=1)
    scene.shapes *= 2
    scene.motions *= 2
    behind, front = scene.frames()[1][0]
    assert behind.is_degraded and behind.is_occluded and not front.is_degraded
    assert (behind.track, front.track) == (0, 1)


def test_ghosts_and_poles_have_their_shares():
    with_pole, marked, extra = 0, 0, 0
    for seed in range(40):
        scene = Scene((seed, 9), 16)
        with_pole += scene.pole is not None
        scene.pole = None
        scene.shapes, scene.motions = [], []
        frames, objects = scene.frames()
        assert objects == [[]] * 16
        changed = np.abs(frames / 255 - scene.background).max(3) > 0.16  # five times the noise
        extra += (changed.sum((1, 2)) > 20).sum()
        marked += len(frames)
    assert abs(with_pole / 40 - 0.4) < 0.2
    assert 0.16 < extra / marked < 0.28  # some ghosts have the colour of the background


def test_objects_are_slow_medium_and_fast_by_motion_iou():
    """About the shares of natural videos, which are 38, 36 and 26 %."""
    values = []
    for seed in range(150):
        scene = Scene((seed, 2), 32)
        assert 1 <= len(scene.shapes) <= 3
        for shape, motion in zip(scene.shapes, scene.motions, strict=True):
            low = np.round(motion.centers - shape.half_size)
            values += _motion_iou(low, 2 * shape.half_size)
    values = np.array(values)
    shares = (values > 0.9).mean(), (values < 0.7).mean()
    np.testing.assert_allclose(shares, (0.29, 0.32), atol=0.06)


def _motion_iou(corners, side):
    """Mean IoU of squares with those of the 10 frames before and after, per frame."""
    overlap = np.clip(side - np.abs(corners[:, None] - corners[None]), 0, None).prod(-1)
    iou = overlap / (2 * side**2 - overlap)
    distance = np.abs(np.subtract.outer(np.arange(len(iou)), np.arange(len(iou))))
    near = (distance <= 10) & (distance > 0)
    return ((iou * near).sum(1) / near.sum(1)).tolist()
