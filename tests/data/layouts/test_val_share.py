import itertools

import pytest

from tsm_tf.data.layouts.val_share import choose_validation

VIEWS = ("ba_med", "le_goo")


def groups_of(chosen, names, key):
    """Returns how many of the chosen names each group has, and of the others."""
    sizes = {}
    for name in names:
        sizes.setdefault(key(name), [0, 0])[name in chosen] += 1
    return sizes


@pytest.mark.parametrize(
    ("names", "length"),
    [
        ([f"v_YoYo_g{g:02}_c{c:02}" for g in range(1, 26) for c in range(1, 5)], len("v_YoYo_g01")),
        ([f"{g:011}_{s:06}_{s + 10:06}" for g in range(20) for s in (0, 50)], 11),
        ([f"film{g:02}_kick_f_cm_np1_{v}_{i}" for g in range(9) for v in VIEWS for i in "01"], 6),
        ([f"{film} - clip {i}" for film in "abcdefghij" for i in range(1, 12)], 1),
        ([f"{film}_{i}" for film in "pqrst" for i in range(1, 5)], 1),
    ],
)  # fmt: skip
def test_groups_stay_together(names, length):
    chosen = choose_validation(names, 0.2)
    sizes = groups_of(chosen, names, lambda name: name[:length])
    assert all(0 in size for size in sizes.values()), sizes
    assert abs(len(chosen) - 0.2 * len(names)) <= max(sum(size) for size in sizes.values()) / 2


def test_names_that_tell_nothing():
    for names in ([f"{i:03}" for i in range(50)], [f"video_{i}" for i in range(50)]):
        assert len(choose_validation(names, 0.2)) == 10
    assert (
        len(choose_validation([f"{a}{b}" for a, b in itertools.product("abcde", repeat=2)], 0.2))
        == 5
    )


def test_the_choice_depends_on_the_names_only():
    names = [f"video_{i}" for i in range(100)]
    chosen = choose_validation(names, 0.2)
    assert chosen == choose_validation(names[::-1], 0.2)
    more = choose_validation([*names, "video_100", "video_101"], 0.2)
    assert len(chosen & more) >= 18  # the others stay where they were
    few = choose_validation([f"video_{i}" for i in range(10)], 0.3)
    assert sorted(few) == ["video_0", "video_6", "video_7"]  # on every machine


def test_small_classes():
    assert len(choose_validation(["a", "b"], 0.2)) == 1
    assert choose_validation(["a"], 0.2) == frozenset()
    assert choose_validation([], 0.2) == frozenset()
    assert len(choose_validation(["a", "b", "c"], 0.99)) == 2
    one_group = [f"v_YoYo_g01_c{c:02}" for c in range(4)]
    assert choose_validation(one_group, 0.5) == frozenset()  # a group is never divided
