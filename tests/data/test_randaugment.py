import collections

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from tsm_tf.data import randaugment
from tsm_tf.data.randaugment import OPERATIONS, rand_augment

FRAME = np.random.default_rng(0).integers(20, 230, (33, 33, 3), dtype=np.uint8)
CLIP = np.stack([FRAME] * 3)
NAMES = [operation.__name__.strip("_") for operation in OPERATIONS]


def apply(name, clip, level, sign=1):
    return OPERATIONS[NAMES.index(name)](clip, level, sign)


def test_the_operations_are_those_of_the_paper():
    names = (
        "identity auto_contrast equalize rotate solarize color posterize contrast brightness "
        "sharpness shear_x shear_y translate_x translate_y"
    )
    assert {*NAMES} == {*names.split()} and len(NAMES) == 14


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sign", [1, -1])
def test_all_frames_get_the_same_change(name, sign):
    changed = apply(name, CLIP, 0.6, sign)
    assert changed.shape == CLIP.shape and changed.dtype == np.uint8
    assert (changed == changed[0]).all()
    assert (changed == CLIP).all() == (name == "identity")


@pytest.mark.parametrize("name", sorted({*NAMES} - {"equalize", "auto_contrast"}))
def test_level_0_changes_nothing(name):
    np.testing.assert_array_equal(apply(name, CLIP, 0), CLIP)


def test_geometry_is_exact():
    moved = apply("translate_x", CLIP, 1)
    shift = round(33 * 150 / 331)  # 15
    np.testing.assert_array_equal(moved[:, :, shift:], CLIP[:, :, :-shift])
    assert (moved[:, :, :shift] == 128).all()
    moved = apply("translate_y", CLIP, 1, -1)
    np.testing.assert_array_equal(moved[:, :-shift], CLIP[:, shift:])

    line = np.zeros((1, 33, 33, 3), np.uint8)
    line[:, :, 16] = 255  # through the centre
    rotated = apply("rotate", line, 1)[0, ..., 0]
    rows, columns = np.nonzero(rotated > 140)
    slope = np.polyfit(rows - 16, columns - 16, 1)[0]
    assert slope == pytest.approx(np.tan(np.deg2rad(30)), abs=0.03)
    sheared = apply("shear_x", line, 1)[0, ..., 0]
    rows, columns = np.nonzero(sheared > 140)
    assert np.polyfit(rows - 16, columns - 16, 1)[0] == pytest.approx(0.3, abs=0.02)
    assert (apply("shear_y", line, 1)[0, 5:-5, 16, 0] == 255).all()


def test_sharpness_agrees_with_pillow():
    for sign in (1, -1):
        expected = ImageEnhance.Sharpness(Image.fromarray(FRAME)).enhance(1 + sign * 0.45)
        found = apply("sharpness", CLIP, 0.5, sign)[1, 1:-1, 1:-1].astype(int)
        assert np.abs(found - np.asarray(expected)[1:-1, 1:-1]).max() <= 1


def test_operations_are_drawn_evenly_and_by_the_seed(monkeypatch):
    drawn = collections.Counter()

    def recorder(name):
        def record(clip, level, sign):
            drawn[name, level, sign] += 1
            return clip

        return record

    monkeypatch.setattr(randaugment, "OPERATIONS", tuple(map(recorder, NAMES)))
    for seed in range(700):
        rand_augment(CLIP, 2, 5, np.random.default_rng(seed))
    assert drawn.total() == 1400 and len(drawn) == 28
    assert {level for _, level, _ in drawn} == {0.5}
    assert min(drawn.values()) >= 25 and max(drawn.values()) <= 85

    monkeypatch.undo()
    one, other, same = (rand_augment(CLIP, 2, 9, np.random.default_rng(s)) for s in (3, 4, 3))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
