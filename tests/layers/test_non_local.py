import keras
import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf import NonLocal


def test_sees_the_whole_clip_and_no_other():
    layer = NonLocal(2)
    x = frames(4, 4, 4, 6)
    np.testing.assert_allclose(array(layer(x)), x, atol=1e-6)  # a new block changes nothing
    layer.norm.gamma.assign(keras.ops.ones(6))
    changed = x.copy()
    changed[1] += 1  # the second frame of the first clip
    difference = np.abs(array(layer(changed)) - array(layer(x))).max((1, 2, 3))
    assert difference[0] > 1e-4 and difference[2:].max() < 1e-6


def test_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: NonLocal(2, **kw), frames(4, 5, 4, 6), tmp_path)


def test_refuses_what_cannot_be():
    with refuses("num_segments", "-1"):
        NonLocal(-1)
    with refuses("inputs", "2x2"):
        NonLocal(2)(frames(2, 1, 4, 6))
