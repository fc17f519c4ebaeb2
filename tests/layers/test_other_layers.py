import keras
import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf import NonLocal, SegmentConsensus, TemporalPool


def test_consensus_averages_each_clip():
    x = np.array([[1, 2], [3, 6], [10, 20], [30, 60]], "float32")
    np.testing.assert_array_equal(array(SegmentConsensus(2)(x)), [[2, 4], [20, 40]])
    np.testing.assert_array_equal(array(SegmentConsensus(2, "identity")(x)), x.reshape(2, 2, 2))


def test_consensus_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: SegmentConsensus(4, **kw), frames(8, 5), tmp_path)
    assert SegmentConsensus(4)(keras.Input((5,), 8)).shape == (2, 5)


def test_temporal_pool_by_hand():
    x = np.array([5, 1, 2, 7, 3, 0, 9, 4], "float32").reshape(8, 1)  # two clips of four frames
    np.testing.assert_array_equal(array(TemporalPool(4)(x)).ravel(), [5, 7, 3, 9])
    np.testing.assert_array_equal(array(TemporalPool(4)(-x)).ravel(), [-1, -1, 0, 0])


def test_temporal_pool_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: TemporalPool(4, **kw), frames(8, 3, 3, 2), tmp_path)


def test_non_local_sees_the_whole_clip_and_no_other(tmp_path):
    layer = NonLocal(2)
    x = frames(4, 4, 4, 6)
    np.testing.assert_allclose(array(layer(x)), x, atol=1e-6)  # a new block changes nothing
    layer.norm.gamma.assign(keras.ops.ones(6))
    changed = x.copy()
    changed[1] += 1  # the second frame of the first clip
    difference = np.abs(array(layer(changed)) - array(layer(x))).max((1, 2, 3))
    assert difference[0] > 1e-4 and difference[2:].max() < 1e-6


def test_non_local_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: NonLocal(2, **kw), frames(4, 5, 4, 6), tmp_path)


def test_refuses_what_cannot_be():
    with refuses("num_segments", "even", "3"):
        TemporalPool(3)
    with refuses("num_segments", "0"):
        SegmentConsensus(0)
    with refuses("consensus", "average", "max"):
        SegmentConsensus(2, "max")
    with refuses("num_segments", "-1"):
        NonLocal(-1)
    with refuses("inputs", "2x2"):
        NonLocal(2)(frames(2, 1, 4, 6))
