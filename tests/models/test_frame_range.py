import warnings

import keras
import numpy as np
import pytest
from testing import frames

from tsm_tf import ModelSpec, build_model
from tsm_tf.models.frame_range import FrameRange

LINE = "scaled to 0..1 or -1..1 already; .* pass uint8, or float in 0..255"
BYTES = (40 * frames(4, 2, 32, 32, 3)).clip(0, 255).astype("uint8")
SCALED = BYTES.astype("float32") / 255


def warned(function, *arguments):
    """Calls a function twice; returns the number of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            function(*arguments)
    lines = [str(warning.message) for warning in caught if "frames" in str(warning.message)]
    return len(lines)


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (SCALED, 1),
        (2 * SCALED - 1, 1),
        (SCALED.astype("float16"), 1),
        (255 * SCALED, 0),
        (BYTES // 255, 0),  # a dark picture of integers
        (0 * SCALED, 0),
        (0 * SCALED + 1, 0),  # a placeholder
        (SCALED[:0], 0),
        (keras.Input((2, 32, 32, 3)), 0),
    ],
)
def test_suspicious_values_cause_one_warning(values, times):
    frame_range = FrameRange()
    assert warned(frame_range.check, values) == times


def test_a_stream_may_start_in_the_dark():
    frame_range = FrameRange(num_calls=3)
    frame_range.check(SCALED)
    frame_range.check(SCALED)
    frame_range.check(255 * SCALED)
    assert warned(frame_range.check, SCALED) == 0
    frame_range = FrameRange(num_calls=3)
    frame_range.check(SCALED)
    assert warned(frame_range.check, SCALED) == 1


def test_generators_are_watched_while_they_run():
    batches = ((part, part.sum()) for part in (0 * SCALED, SCALED))
    with pytest.warns(RuntimeWarning, match=LINE):
        used = list(FrameRange().watch(batches))
    np.testing.assert_array_equal([label for _, label in used], [0, SCALED.sum()])


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data")
def test_datasets_are_watched_while_they_run():
    import tensorflow as tf

    values = np.concatenate([0 * SCALED, SCALED])
    dataset = tf.data.Dataset.from_tensor_slices((values, range(8))).batch(4)
    with pytest.warns(RuntimeWarning, match=LINE):
        used = list(FrameRange().watch(dataset).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([part for part, _ in used]), values)
    np.testing.assert_array_equal(np.concatenate([label for _, label in used]), range(8))
    assert FrameRange().watch(dataset).cardinality() == 2

    of_bytes = tf.data.Dataset.from_tensor_slices(BYTES).batch(4)
    assert FrameRange().watch(of_bytes) is of_bytes


def test_clip_models_warn_once():
    spec = ModelSpec(num_classes=2, num_segments=2, input_size=32, width=0.35)
    model = build_model(spec)
    model.compile(loss="sparse_categorical_crossentropy")
    with pytest.warns(RuntimeWarning, match=LINE):
        model.predict(SCALED, verbose=0)
    assert warned(model, SCALED) == 0
    assert warned(build_model(spec), SCALED) == 1
    assert warned(build_model(spec, preprocess=False), SCALED) == 0


def test_stream_models_warn_once():
    model = build_model(ModelSpec(num_classes=2, num_segments=2, input_size=32, width=0.35))
    stream = model.stream()
    image = keras.ops.convert_to_tensor(SCALED[:, 0])
    inputs = {"image": image, **stream.initial_state(4)}
    assert [warned(stream, inputs) for _ in range(6)] == [0, 0, 0, 0, 1, 0]
