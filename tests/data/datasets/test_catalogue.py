import pytest
from jester import LABELS as JESTER
from public_labels import HMDB51, KINETICS400, UCF101

from tsm_tf.data.datasets.catalogue import (
    CLASS_ORDERS,
    DATA_SETS,
    MMACTION2,
    TSM,
    find_symmetric_data_set,
    plain_name,
)
from tsm_tf.data.side_words import mirrored_names


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (KINETICS400, "Kinetics-400"),
        (tuple(label.replace(" ", "_") for label in reversed(KINETICS400)), "Kinetics-400"),
        (UCF101, "UCF101"),
        (HMDB51, "HMDB51"),
        (HMDB51[1:], None),
        ((*UCF101, "Left turn"), None),
        (JESTER, None),
    ],
)
def test_data_sets_are_known_by_their_classes(labels, name):
    assert find_symmetric_data_set(labels) == name


@pytest.mark.parametrize(
    ("name", "count"),
    [("kinetics", 400), ("sthv1", 174), ("sthv2", 174), ("jester", 27), ("ucf101", 101)],
)
def test_both_orders_have_all_classes(name, count):
    tsm, mmaction2 = map(DATA_SETS[name].labels, CLASS_ORDERS)
    assert len({*map(plain_name, tsm)}) == len(tsm) == count
    assert sorted(tsm) == sorted(mmaction2)


def test_order_of_kinetics():
    for order in CLASS_ORDERS:
        assert DATA_SETS["kinetics"].labels(order) == tuple(sorted(KINETICS400))


def test_order_of_something():
    tsm, mmaction2 = map(DATA_SETS["sthv1"].labels, CLASS_ORDERS)
    assert tsm == tuple(sorted(tsm)) == DATA_SETS["sthv2"].labels(TSM)
    assert tsm == DATA_SETS["sthv2"].labels(MMACTION2)
    mirrored = mirrored_names(tsm)
    assert [n for n in range(174) if mirrored[n] not in (n, None)] == [86, 87, 93, 94, 166, 167]
    assert mmaction2[:3] == (
        "Holding something",
        "Turning something upside down",
        "Turning the camera left while filming something",
    )


def test_order_of_jester():
    assert DATA_SETS["jester"].labels(TSM) == JESTER
    mmaction2 = DATA_SETS["jester"].labels(MMACTION2)
    assert mmaction2[:3] == ("Swiping Left", "Swiping Right", "Swiping Down")
    assert mmaction2[-2:] == ("No gesture", "Doing other things")


def test_order_of_ucf101():
    for order in CLASS_ORDERS:
        labels = DATA_SETS["ucf101"].labels(order)
        assert labels == tuple(sorted(UCF101, key=str.lower)) != tuple(sorted(UCF101))
        assert labels.index("Hammering") == labels.index("HammerThrow") - 1 == 34
        assert labels.index("JumpingJack") == labels.index("JumpRope") - 1


def test_order_of_hmdb51():
    tsm, mmaction2 = map(DATA_SETS["hmdb51"].labels, CLASS_ORDERS)
    assert mmaction2 == tuple(sorted(HMDB51))
    different = [label for label, other in zip(tsm, mmaction2, strict=True) if label != other]
    assert different == ["kick_ball", "kick", "sword_exercise", "sword"]
    assert tsm.index("kick_ball") == 20 and tsm.index("sword") == 45
