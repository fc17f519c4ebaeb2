import numpy as np
from testing import array, assert_layer_works, frames, refuses

from tsm_tf.layers.select_frames import SelectFrames


def test_takes_frames_in_order():
    clips = frames(2, 5, 3)
    layer = SelectFrames((0, 3, 1))
    np.testing.assert_array_equal(array(layer(clips)), clips[:, [0, 3, 1]])
    assert layer.compute_output_shape((None, 5, 3)) == (None, 3, 3)


def test_works_everywhere(tmp_path):
    def make_layer(**options):
        return SelectFrames((0, 2), **options)

    assert_layer_works(make_layer, frames(2, 4, 5, 6, 3), tmp_path)


def test_refuses_frames_that_are_not_there():
    with refuses("numbers", "from 0 on", "(-1,)"):
        SelectFrames((-1,))
    with refuses("numbers", "less than the number of frames, 4", "4"):
        SelectFrames((0, 4)).build((None, 4, 3))
