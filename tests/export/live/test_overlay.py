import numpy as np
import pytest
from testing import video_frames

from export.live.events import Event
from export.live.overlay import annotate

LABELS = ("Turning Hand Counterclockwise", "Drücken, дом, λ", "c")

EVENTS = [Event(label, i, 3600.0 * i, 0.9) for i, label in enumerate(LABELS)]


def blank_panel(events):
    """The panel below a picture of 640 columns, with bars and without labels."""
    frame = np.zeros((320, 640, 3), np.uint8)
    shares = np.array([0.25, 0.5, 0.25])
    return annotate(frame, "", ("", "", ""), shares, events, "")[320:].astype(int)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((84, 112), (484, 426)),  # enlarged to 320 rows
        ((401, 333), (564, 420)),  # odd sizes become even
        ((400, 120), (564, 420)),  # a narrow one gets margins, so that the text has room
        ((1080, 1920), (1088, 1280)),  # a big one is made smaller
    ],
)
def test_pictures_have_even_sizes_with_room_for_the_text(size, expected):
    picture = annotate(
        video_frames(*size, 3), LABELS[1], LABELS, np.array([0.7, 0.2, 0.1]), EVENTS, "1.00 s"
    )
    assert picture.shape == (*expected, 3) and picture.dtype == np.uint8


def test_bars_are_as_long_as_probabilities():
    panel = blank_panel([])
    is_bar = (panel[..., 2] - panel[..., 0]) > 100
    lengths = [is_bar[middle].sum() for middle in (45, 70, 95)]
    np.testing.assert_allclose(lengths, [310, 155, 155], atol=2)
    assert not is_bar[:40].any()


def chips(events):
    """The edges of the boxes in the event strip."""
    row = blank_panel(events)[121]
    is_chip = np.concatenate(([False], row[:, 0] - row[:, 2] > 40, [False]))
    return np.flatnonzero(np.diff(is_chip.astype(int))).reshape(-1, 2)


def test_the_strip_has_the_last_events():
    assert len(chips([])) == 0
    event = Event("a", 0, 1.0, 0.9)
    (one,) = chips([event])
    assert one[0] == 10 and 30 < one[1] < 80
    # The newest is first, and only as many as fit are drawn.
    long = Event("a long label of a gesture", 0, 2.0, 0.9)
    first, second = chips([event, long])
    np.testing.assert_array_equal(np.ptp(second), np.ptp(one))
    assert np.ptp(first) > 2 * np.ptp(second)
    many = chips([long] * 8)
    assert 2 <= len(many) < 8 and many[-1][1] <= 630
    (wide,) = chips([Event("x" * 200, 0, 1.0, 0.9)])
    assert wide[1] <= 631
