import numpy as np
import pytest
from testing import array, video_frames

from tsm_tf import ModelSpec
from tsm_tf.models.preprocessing import PrepareFrames

SPEC = ModelSpec(num_segments=3, input_size=32)
X = video_frames(2, 3, 32, 32, 3)


@pytest.mark.parametrize("by_rows", [True, False])
def test_normalises_clips_and_frames(by_rows):
    layer = PrepareFrames(SPEC, by_rows=by_rows)
    expected = (X.reshape(6, 32, 32, 3) / 255 - np.array(SPEC.mean)) / np.array(SPEC.std)
    np.testing.assert_allclose(array(layer(X.astype("float32"))), expected, atol=1e-5)
    frames = X[:, 0].astype("float32")
    np.testing.assert_allclose(array(layer(frames)), expected[::3], atol=1e-5)


def test_turns_channels_round_for_networks_that_take_bgr():
    spec = SPEC.replace(channel_order="bgr", mean=(0.1, 0.2, 0.3), std=(1, 1, 1))
    frames = array(PrepareFrames(spec)(X.astype("float32")))
    expected = X.reshape(6, 32, 32, 3)[..., ::-1] / 255 - np.array((0.3, 0.2, 0.1))
    np.testing.assert_allclose(frames, expected, atol=1e-5)


def test_leaves_frames_that_are_normalised():
    frames = array(PrepareFrames(SPEC, normalise=False)(X.astype("float32")))
    np.testing.assert_array_equal(frames, X.reshape(6, 32, 32, 3))


def test_its_configuration_is_plain_and_complete():
    layer = PrepareFrames(SPEC, normalise=False, by_rows=False)
    config = layer.get_config()
    assert isinstance(config["spec"], dict)
    same = PrepareFrames.from_config(config)
    assert same.spec == SPEC and not same.normalise and not same.by_rows
    assert same.compute_output_shape((None, 3, 32, 32, 3)) == (None, 32, 32, 3)
    assert same.compute_output_shape((4, 3, 32, 32, 3)) == (12, 32, 32, 3)
