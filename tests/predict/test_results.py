import csv
import json

import pytest
from testing import refuses

from tsm_tf.predict.classes import RankedClass
from tsm_tf.predict.results import COLUMNS, Results, check_output

SUBJECT = {"model": "runs/a", "video": "v", "stream": False, "topk": None}
LEFT = [RankedClass(0, "Swiping Left, ü", 0.75, 1.23456789), RankedClass(2, "c", 0.25, -0.5)]


def fill(results):
    results.add("a.mp4", LEFT)
    results.add("b.mp4", [])
    results.fail("c.mp4", "it is damaged")


def test_csv(tmp_path):
    with Results(tmp_path / "new", SUBJECT, "csv") as results:
        fill(results)
    with (tmp_path / "new" / "predictions.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert rows == [
        ["a.mp4", "1", "0", "Swiping Left, ü", "0.75", "1.23457", ""],
        ["a.mp4", "2", "2", "c", "0.25", "-0.5", ""],
        ["b.mp4", "", "", "", "", "", ""],
        ["c.mp4", "", "", "", "", "", "it is damaged"],
    ]


def test_json(tmp_path):
    with Results(tmp_path / "new", SUBJECT, "json") as results:
        fill(results)
    content = json.loads((tmp_path / "new" / "predictions.json").read_text(encoding="utf-8"))
    first, second, third = content.pop("videos")
    assert content == SUBJECT
    assert first["classes"][0]["name"] == "Swiping Left, ü"
    assert first["classes"][1] == {"class": 2, "name": "c", "probability": 0.25, "logit": -0.5}
    assert second == {"video": "b.mp4", "classes": []}
    assert third == {"video": "c.mp4", "error": "it is damaged"}


def test_in_memory():
    with Results(None, SUBJECT, "csv") as results:
        fill(results)
    assert results.get("a.mp4") == LEFT and results.get("d.mp4") is None
    assert dict(results.errors) == {"c.mp4": "it is damaged"}


def test_predictions_survive_a_kill_and_errors_are_tried_again(tmp_path):
    """Without the end of the context, and with a line that was cut off."""
    fill(Results(tmp_path, SUBJECT, "csv"))
    state = tmp_path / ".predictions.jsonl"
    state.write_bytes(state.read_bytes() + b'{"video": "d.mp4", "cla')

    with Results(tmp_path, SUBJECT, "json") as results:
        assert results.get("a.mp4") == LEFT and results.get("b.mp4") == []
        assert results.get("c.mp4") is None and not results.errors
        assert results.get("d.mp4") is None
        results.add("d.mp4", LEFT[:1])
    assert Results(tmp_path, SUBJECT, "csv").get("d.mp4") == LEFT[:1]
    videos = json.loads((tmp_path / "predictions.json").read_text())["videos"]
    assert [video["video"] for video in videos] == ["a.mp4", "b.mp4", "d.mp4"]


def test_a_damaged_state_is_an_error(tmp_path):
    fill(Results(tmp_path, SUBJECT, "csv"))
    state = tmp_path / ".predictions.jsonl"
    for damaged in (
        b"{}\n",
        b"[1]\n",
        b"not JSON\n",
        b"\xff\n",
        b'{"video": 1, "classes": [[]]}\n',
    ):
        state.write_bytes(damaged)
        with refuses("output", "an intact .predictions.jsonl"):
            Results(tmp_path, SUBJECT, "csv")


def test_written_also_after_an_error(tmp_path, capsys):
    with pytest.raises(KeyboardInterrupt), Results(tmp_path, SUBJECT, "csv") as results:
        fill(results)
        raise KeyboardInterrupt
    assert "a.mp4" in (tmp_path / "predictions.csv").read_text(encoding="utf-8")
    assert "run the same command again to resume" in capsys.readouterr().out


def test_nothing_else_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for check in (check_output, lambda *given: Results(*given, "csv")):
        with refuses("output", "new or empty"):
            check(tmp_path, SUBJECT)
    check_output(None, SUBJECT)
    check_output(tmp_path / "new", SUBJECT)
    assert not (tmp_path / "new").exists()
    Results(tmp_path / "new", SUBJECT, "csv")
    check_output(tmp_path / "new", SUBJECT)
    with refuses("output", "model", "runs/a", "runs/b"):
        check_output(tmp_path / "new", {**SUBJECT, "model": "runs/b"})
