import keras
import numpy as np
import pytest
from testing import assert_layer_works, frames, refuses

from tsm_tf import StreamingTemporalShift, TemporalShift


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gives_the_clip_and_starts_again(dtype):
    x = keras.ops.cast(frames(2, 5, 3, 2, 8), dtype)  # two streams of five frames
    clip = TemporalShift(5, 4, "unidirectional", dtype=dtype)(keras.ops.reshape(x, (10, 3, 2, 8)))
    expected = keras.ops.convert_to_numpy(keras.ops.reshape(clip, (2, 5, 3, 2, 8)))
    layer = StreamingTemporalShift(4, dtype=dtype)
    for _ in range(2):
        streamed = np.stack([keras.ops.convert_to_numpy(layer(x[:, t])) for t in range(5)], 1)
        np.testing.assert_array_equal(streamed, expected)
        layer.reset_state()


def test_works_everywhere(tmp_path):
    assert_layer_works(
        lambda **kw: StreamingTemporalShift(4, batch_size=3, **kw), frames(3, 2, 2, 8), tmp_path
    )
    assert StreamingTemporalShift(4, batch_size=3)(keras.Input((2, 2, 8))).shape == (None, 2, 2, 8)


def test_cache_is_no_trainable_weight():
    layer = StreamingTemporalShift(4)
    layer(frames(1, 2, 2, 8))
    assert layer.trainable_weights == [] and [w.shape for w in layer.non_trainable_weights] == [
        (1, 2, 2, 2)
    ]


def test_refuses_what_cannot_be():
    with refuses("inputs", "batch_size", "(None, 2, 2, 8)"):
        StreamingTemporalShift(8)(keras.Input((2, 2, 8)))
    with refuses("shift_div", "positive", "0"):
        StreamingTemporalShift(0)
    with refuses("shift_div", "4 channels", "8"):
        StreamingTemporalShift(8)(frames(2, 1, 1, 4))
