import numpy as np
from testing import array, video_frames
from weights import with_weights

from tsm_tf import ModelSpec, build_model
from tsm_tf.models.frame_step import keras_step, keras_streams


def small_model():
    return with_weights(build_model(ModelSpec(num_classes=3, input_size=32, width=0.35)))


def test_steps_give_the_logits_of_the_clip():
    model, clips = small_model(), video_frames(2, 3, 32, 32, 3)
    step = keras_step(model, 2)
    found = np.stack([step(clips[:, t]) for t in range(3)], axis=1)
    expected = array(model.per_frame(3)(clips, training=False))
    np.testing.assert_allclose(found, expected, 1e-4, 1e-4)


def test_each_stream_starts_without_the_state_of_the_one_before():
    model, clips = small_model(), video_frames(1, 2, 32, 32, 3)
    start = keras_streams(model, 1)
    first, second = start(), start()
    expected = first(clips[:, 0])
    assert not np.allclose(first(clips[:, 0]), expected)
    np.testing.assert_array_equal(second(clips[:, 0]), expected)
