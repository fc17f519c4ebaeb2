import keras
import numpy as np
import pytest
from testing import array, assert_layer_works, frames, refuses

from tsm_tf import TemporalShift

MODES = ("bidirectional", "unidirectional")
FORMS = (True, False)


def shift_by_hand(x, num_segments, fold, bidirectional):
    """One frame at a time, as the paper's Fig. 1 draws it."""
    out = x.copy()
    for row in range(len(x)):
        t = row % num_segments
        after = x[row + 1] if t + 1 < num_segments else np.zeros_like(x[0])
        before = x[row - 1] if t else np.zeros_like(x[0])
        if bidirectional:
            out[row, ..., :fold] = after[..., :fold]
            out[row, ..., fold : 2 * fold] = before[..., fold : 2 * fold]
        else:
            out[row, ..., :fold] = before[..., :fold]
    return out


def shifted(x, as_convolution, *args):
    """The output of a layer in one form, which by default depends on the backend and device."""
    layer = TemporalShift(*args)
    layer.build(x.shape)
    layer.as_convolution = as_convolution
    return array(layer(x))


def test_bidirectional_on_four_frames():
    x = np.arange(4.0, dtype="float32").reshape(4, 1) * np.ones((1, 4), "float32")
    expected = [[1, 0, 0, 0], [2, 0, 1, 1], [3, 1, 2, 2], [0, 2, 3, 3]]
    np.testing.assert_array_equal(array(TemporalShift(4, shift_div=4)(x)), expected)


def test_unidirectional_does_not_leave_its_clip():
    x = np.arange(1.0, 5, dtype="float32").reshape(4, 1) * np.ones((1, 2), "float32")
    expected = [[0, 1], [1, 2], [0, 3], [3, 4]]
    np.testing.assert_array_equal(array(TemporalShift(2, 2, "unidirectional")(x)), expected)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "num_segments, channels, shift_div", [(1, 8, 8), (3, 7, 3), (5, 16, 2), (8, 24, 8)]
)
def test_any_size(form, mode, num_segments, channels, shift_div):
    x = frames(2 * num_segments, 3, 2, channels)
    expected = shift_by_hand(x, num_segments, channels // shift_div, mode == "bidirectional")
    np.testing.assert_array_equal(shifted(x, form, num_segments, shift_div, mode), expected)


def test_integers_are_shifted_too():
    x = np.arange(8, dtype="int32").reshape(4, 2)
    np.testing.assert_array_equal(array(TemporalShift(4, 2)(x)), shift_by_hand(x, 4, 1, True))


@pytest.mark.parametrize("form", FORMS)
def test_unidirectional_can_move_everything(form):
    x = frames(4, 2, 2, 3)
    expected = shift_by_hand(x, 4, 3, False)
    np.testing.assert_array_equal(shifted(x, form, 4, 1, "unidirectional"), expected)


@pytest.mark.parametrize("mode", MODES)
def test_works_everywhere(mode, tmp_path):
    assert_layer_works(lambda **kw: TemporalShift(4, 4, mode, **kw), frames(8, 3, 2, 8), tmp_path)


def test_unknown_height_and_width():
    inputs = keras.Input((None, None, 8))
    model = keras.Model(inputs, TemporalShift(2, 4)(inputs))
    x = frames(4, 5, 3, 8)
    np.testing.assert_array_equal(array(model(x)), shift_by_hand(x, 2, 2, True))


@pytest.mark.parametrize("form", FORMS)
def test_gradient_is_the_shift_back(form):
    tf = pytest.importorskip(
        "tensorflow", reason="its tape; the other backends differentiate the same operations"
    )
    x, upstream = tf.constant(frames(6, 2, 2, 8)), frames(6, 2, 2, 8, seed=1)
    layer = TemporalShift(3, 4, "unidirectional")
    layer.build(x.shape)
    layer.as_convolution = form

    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * upstream)
    expected = upstream.copy()
    expected[..., :2] = 0
    expected[[0, 1, 3, 4], ..., :2] = upstream[[1, 2, 4, 5], ..., :2]
    np.testing.assert_array_equal(tape.gradient(loss, x), expected)


def test_refuses_what_cannot_be():
    with refuses("num_segments", "positive", "0"):
        TemporalShift(0)
    with refuses("shift_div", "positive", "0"):
        TemporalShift(8, 0)
    with refuses("shift_mode", "bidirectional", "forward"):
        TemporalShift(8, 8, "forward")
    with refuses("shift_div", "4 channels", "8"):
        TemporalShift(2, 8)(frames(2, 1, 1, 4))
    with refuses("shift_div", "2 directions", "1"):
        TemporalShift(2, 1)(frames(2, 1, 1, 4))
    with refuses("inputs", "whole clips of num_segments=4", "(6, 1, 1, 8)"):
        TemporalShift(4)(frames(6, 1, 1, 8))
