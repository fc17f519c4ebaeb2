import pytest

from tsm_tf.backbones.blocks import round_channels


@pytest.mark.parametrize(
    "channels, expected",
    [(32 * 0.35, 16), (24 * 0.35, 8), (16 * 0.5, 8), (32, 32), (18, 24), (60, 64)],
)
def test_round_channels(channels, expected):
    assert round_channels(channels) == expected
