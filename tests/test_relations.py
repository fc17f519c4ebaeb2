import math

import pytest
from testing import refuses

from tsm_tf.relations import check_consensus, default_relations
from tsm_tf.spec import ModelSpec

FOUR = ((0, 1, 2), (0, 1, 3), (1, 2, 3), (0, 1), (0, 3), (1, 3))
TRNM = ModelSpec("resnet18", consensus="trn_multiscale", num_segments=4)


def test_the_default_is_a_documented_rule():
    """Numbers n // 6, n // 2 and 5 * n // 6 of 4 and 6 choices."""
    assert default_relations(4) == ((0, 1, 2), (0, 2, 3), (1, 2, 3), (0, 2), (1, 2), (2, 3))
    assert default_relations(2) == ()
    assert default_relations(3) == ((0, 1), (0, 2), (1, 2))


@pytest.mark.parametrize("num_segments", range(2, 17))
def test_defaults_are_three_different_relations_of_each_scale(num_segments):
    found = check_consensus("trn_multiscale", default_relations(num_segments), num_segments)
    assert len(set(found)) == len(found) == 3 * (num_segments - 2)
    assert all(math.comb(num_segments, len(relation)) >= 3 for relation in found)


def test_the_spec_keeps_them():
    assert TRNM.relations == default_relations(4)
    given = TRNM.replace(relations=FOUR)
    assert given.relations == FOUR
    assert ModelSpec.from_json(given.to_json()) == given
    assert given.replace(dropout=0.1).relations == FOUR


def test_other_clips_have_other_relations():
    given = TRNM.replace(relations=FOUR)
    assert given.replace(num_segments=5).relations == default_relations(5)
    assert given.replace(consensus="trn").relations == ()
    assert given.replace(consensus="average").relations == ()


def test_other_specs_are_written_as_before():
    assert not {"consensus", "relations"} & set(ModelSpec().to_dict())


@pytest.mark.parametrize(
    "relations",
    [
        FOUR[1:],  # two of three frames
        FOUR[::-1],
        ((0, 1, 2), (0, 1, 2), *FOUR[2:]),
        ((0, 2, 1), *FOUR[1:]),
        ((1, 2, 4), *FOUR[1:]),
        ((-1, 0, 1), *FOUR[1:]),
        ((0, 1, 2.5), *FOUR[1:]),
        ((0, "1", 2), *FOUR[1:]),
        (0, 1),
        5,
        "ab",
    ],
)
def test_refuses_other_relations(relations):
    with refuses("relations", "must be"):
        TRNM.replace(relations=relations)


def test_refuses_what_has_no_relations():
    with refuses("relations", "None without trn_multiscale"):
        TRNM.replace(consensus="trn", relations=FOUR)
    for consensus in ("trn", "trn_multiscale"):
        with refuses("num_segments", f"at least 2 with {consensus}", "1"):
            TRNM.replace(consensus=consensus, num_segments=1)
        with refuses("consensus", "average", "network of clips"):
            ModelSpec("i3d_r50_3x3x3", num_segments=16, consensus=consensus)
        with refuses("temporal_pool", "false"):
            TRNM.replace(consensus=consensus, temporal_pool=True)
        with refuses("consensus", "average to stream", consensus):
            TRNM.replace(consensus=consensus).check_streamable()
    with refuses("num_segments", "at most 16", "17"):
        TRNM.replace(num_segments=17)
    with refuses("consensus", "average, trn, trn_multiscale", "max"):
        TRNM.replace(consensus="max")
    with refuses("consensus", "average, trn, trn_multiscale"):
        TRNM.replace(consensus=None)
