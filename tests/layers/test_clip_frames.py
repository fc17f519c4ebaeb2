import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.clip_frames import ClipsToFrames, FramesToClips


def test_there_and_back():
    clips = frames(2, 3, 4, 5, 6)
    found = ClipsToFrames()(clips)
    np.testing.assert_array_equal(array(found)[4], clips[1, 1])
    np.testing.assert_array_equal(array(FramesToClips(3)(found)), clips)


def test_works_everywhere(tmp_path):
    assert_layer_works(lambda **kw: ClipsToFrames(**kw), frames(2, 3, 4, 5, 6), tmp_path)
    assert_layer_works(lambda **kw: FramesToClips(3, **kw), frames(6, 4, 5, 6), tmp_path)


def test_refuses_no_frames():
    with refuses("num_segments", "positive"):
        FramesToClips(0)
