import keras
import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf import SegmentConsensus


def test_averages_each_clip():
    x = np.array([[1, 2], [3, 6], [10, 20], [30, 60]], "float32")
    np.testing.assert_array_equal(array(SegmentConsensus(2)(x)), [[2, 4], [20, 40]])
    np.testing.assert_array_equal(array(SegmentConsensus(2, "identity")(x)), x.reshape(2, 2, 2))


def test_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: SegmentConsensus(4, **kw), frames(8, 5), tmp_path)
    assert SegmentConsensus(4)(keras.Input((5,), 8)).shape == (2, 5)


def test_refuses_what_cannot_be():
    with refuses("num_segments", "0"):
        SegmentConsensus(0)
    with refuses("consensus", "average", "max"):
        SegmentConsensus(2, "max")
