import pytest

from tsm_tf import ModelSpec
from tsm_tf.analysis.accuracy_cost import COLORS
from tsm_tf.analysis.families import family
from tsm_tf.catalogue import ARCHITECTURES


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({}, "TSM"),
        ({"shift_mode": "none"}, "TSN"),
        ({"shift_mode": "bidirectional", "backbone": "resnet50", "non_local": True}, "TSM"),
        ({"shift_mode": "none", "consensus": "trn"}, "TRN"),
        ({"shift_mode": "bidirectional", "consensus": "trn_multiscale"}, "TRN"),
        ({"backbone": "i3d_r50_gcn", "non_local": True}, "I3D"),
        ({"backbone": "eco_lite_small"}, "ECO"),
        ({"backbone": "ipcsn_r50"}, "CSN"),
    ],
)
def test_families(fields, expected):
    assert family(ModelSpec(**fields)) == expected


def test_every_network_of_clips_has_a_family_with_a_color_in_the_picture():
    for row in ARCHITECTURES.values():
        assert bool(row.family) == (row.takes == "clips"), row.name
        assert row.family in {"", *COLORS}
