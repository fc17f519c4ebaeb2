import pytest
from testing import refuses

from tsm_tf.data.views import Views
from tsm_tf.evaluation.protocols import (
    EFFICIENT,
    PROTOCOLS,
    Protocol,
    find_protocol,
    make_protocol,
)


def test_the_table_has_the_protocols_of_the_paper():
    full = {"full_resolution": True}
    expected = {
        "efficient": Views(1, 1, "uniform"),
        "something_accurate": Views(2, 3, "twice", **full),
        "kinetics_accurate": Views(10, 3, "dense", **full),
        "ten_crop": Views(1, 10, "uniform"),
    }
    assert {name: Protocol(name, views) for name, views in expected.items()} == PROTOCOLS
    assert PROTOCOLS[EFFICIENT.name] is EFFICIENT


@pytest.mark.parametrize("softmax", [False, True])
def test_a_name_says_which_views_are_scored(softmax):
    suffix = "_softmax" if softmax else ""
    for views, name in (
        (Views(), "efficient"),
        (Views(10, 3, "dense", full_resolution=True), "kinetics_accurate"),
        (Views(10, 3, "dense"), "dense_10x3"),
        (Views(5, 1, "dense", full_resolution=True), "dense_5x1_full"),
        (Views(2, 10, "twice"), "twice_2x10"),
    ):
        protocol = make_protocol(views, softmax)
        assert protocol == Protocol(name + suffix, views, softmax)
        assert find_protocol(protocol.name) == protocol


def test_names_that_no_protocol_has():
    for name in ("best", "dense_10", "dense_10x3_small", "", "_softmax"):
        with refuses("protocol", "one of efficient, something_accurate", repr(name)):
            find_protocol(name)
    with refuses("clips", "2 to 64 with dense", "1"):
        find_protocol("dense_1x3")
