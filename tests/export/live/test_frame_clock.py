import time

import numpy as np
import pytest

from export.live.frame_clock import AtRate, at_natural_speed, output_fps


@pytest.mark.parametrize(
    "source, fps, taken, dropped", [(20, 5, [0, 4, 8, 12, 16], 0), (4, 8, [0, 1, 2, 3], 3)]
)
def test_frames_come_at_the_models_rate(source, fps, taken, dropped):
    frames = AtRate([(i / source, None) for i in range(source)], fps)
    assert [number for number, _, _ in frames] == taken and frames.dropped == dropped


def test_rate_of_the_output():
    assert (output_fps(30, 8.0), output_fps(5, 8.0), output_fps(30, None)) == (8.0, 5, 15.0)


def test_without_a_rate_every_second_frame():
    assert [number for number, _, _ in AtRate([(i / 30, None) for i in range(7)], None)] == [
        0,
        2,
        4,
        6,
    ]


def test_a_watched_file_plays_at_its_own_speed(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    moments = []
    for seconds, _ in at_natural_speed([(0.0, None), (0.5, None), (0.7, None), (0.8, None)]):
        moments.append((seconds, now[0]))
        now[0] += 0.15  # what the model takes
    assert [m for m, _ in moments] == [0.0, 0.5, 0.7, 0.8]
    np.testing.assert_allclose([m for _, m in moments], [0.0, 0.5, 0.7, 0.85])


@pytest.mark.parametrize("start", [0.0, -7200.0, 1e7])
def test_a_restart_costs_no_more_than_one_frame(start):
    """20 frames per second, of which the model sees 5; the clock restarts after the 40th."""
    times = [3600 + i / 20 for i in range(40)] + [start + i / 20 for i in range(40)]
    frames = AtRate([(seconds, None) for seconds in times], 5.0)
    taken = [(number, seconds) for number, seconds, _ in frames]
    assert [number for number, _ in taken] == [*range(0, 40, 4), *range(41, 80, 4)]
    assert [seconds for _, seconds in taken] == sorted(seconds for _, seconds in taken)
    assert frames.dropped == 0


def test_a_watched_file_whose_times_leap_does_not_stop(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    list(at_natural_speed([(seconds, None) for seconds in (0.0, 0.5, 1e6, 1e6 + 0.5, 0.0, 0.5)]))
    assert now[0] == pytest.approx(1.5)
