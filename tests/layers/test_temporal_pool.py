import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf import TemporalPool


def test_by_hand():
    x = np.array([5, 1, 2, 7, 3, 0, 9, 4], "float32").reshape(8, 1)  # two clips of four frames
    np.testing.assert_array_equal(array(TemporalPool(4)(x)).ravel(), [5, 7, 3, 9])
    np.testing.assert_array_equal(array(TemporalPool(4)(-x)).ravel(), [-1, -1, 0, 0])


def test_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: TemporalPool(4, **kw), frames(8, 3, 3, 2), tmp_path)


def test_refuses_what_cannot_be():
    with refuses("num_segments", "even", "3"):
        TemporalPool(3)
