import re

from tsm_tf.data import progress_line
from tsm_tf.data.progress_line import ProgressLine, format_seconds


def test_speed_and_time_left(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now)
    progress = ProgressLine(1000, "videos", "checked")
    now += 29
    progress.show(50)
    assert capsys.readouterr().out == ""
    now += 11
    progress.show(100)
    assert capsys.readouterr().out == "100 of 1,000 videos checked, 2.5/s, 0:06:00 left\n"
    progress.show(1000)
    assert re.fullmatch(r"1,000 of 1,000 videos checked, 25\.0/s\n", capsys.readouterr().out)


def test_what_was_done_before_does_not_count_for_the_speed(monkeypatch, capsys):
    now = 100.0
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now)
    progress = ProgressLine(1000, "videos", "evaluated", 900)
    now += 40
    progress.show(910)
    assert capsys.readouterr().out == "910 of 1,000 videos evaluated, 0.2/s, 0:06:00 left\n"


def test_hours_minutes_and_seconds():
    assert [format_seconds(s) for s in (0, 59.6, 3723)] == ["0:00:00", "0:01:00", "1:02:03"]
