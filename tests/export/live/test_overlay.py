import numpy as np
import pytest
from testing import video_frames

from export.live.overlay import annotate

LABELS = ("Turning Hand Counterclockwise", "Drücken, дом, λ", "c")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((84, 112), (456, 426)),  # enlarged to 320 rows
        ((401, 333), (536, 420)),  # odd sizes become even
        ((400, 120), (536, 420)),  # a narrow one gets margins, so that the text has room
        ((1080, 1920), (1026, 1280)),  # a big one is made smaller
    ],
)
def test_pictures_have_even_sizes_with_room_for_the_text(size, expected):
    picture = annotate(
        video_frames(*size, 3), LABELS[1], LABELS, np.array([0.7, 0.2, 0.1]), "1.00 s"
    )
    assert picture.shape == (*expected, 3) and picture.dtype == np.uint8


def test_bars_are_as_long_as_probabilities():
    frame = np.zeros((320, 640, 3), np.uint8)
    panel = annotate(frame, "", ("", "", ""), np.array([0.25, 0.5, 0.25]), "")[320:].astype(int)
    is_bar = (panel[..., 2] - panel[..., 0]) > 100
    lengths = [is_bar[middle].sum() for middle in (45, 70, 95)]
    np.testing.assert_allclose(lengths, [310, 155, 155], atol=2)
    assert not is_bar[:40].any()
