import csv

import pytest
from analysis.run_folders import write_result, write_run
from matplotlib.figure import Figure
from testing import refuses, run_main

from tsm_tf import ModelSpec
from tsm_tf.analysis import accuracy_cost
from tsm_tf.analysis.runs import read_runs

SPEC = ModelSpec(num_classes=2, width=0.35, input_size=32, num_segments=4)


def test_own_runs_beside_the_paper(tmp_path, capsys):
    tsm = write_run(tmp_path / "tsm", SPEC)
    tsn = write_run(tmp_path / "tsn", SPEC.replace(shift_mode="none"))
    results = tmp_path / "results"
    write_result(results / "tsm", tsm, top1=0.75)
    write_result(results / "tsn", tsn, top1=0.5)

    out = tmp_path / "out"
    run_main(accuracy_cost, f"--runs={tsm},{tsn}", f"--results={results}", f"--output={out}")
    with (out / "accuracy_cost.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["source"] for row in rows] == ["ours"] * 2 + ["paper"] * 15
    assert [row["family"] for row in rows[:2]] == ["TSM", "TSN"]
    assert [row["top1"] for row in rows[:2]] == ["75.0", "50.0"]
    assert {row["data"] for row in rows[2:]} == {"Something-Something-V1"}
    assert float(rows[0]["parameters_M"]) == pytest.approx(0.3987, abs=1e-3)
    assert 0 < float(rows[0]["multiply_adds_G"]) < 0.02
    assert (out / "accuracy_cost.png").stat().st_size > 20_000
    assert "same data only" in capsys.readouterr().out

    with refuses("output", "another runs"):
        run_main(accuracy_cost, f"--output={out}")


def test_the_cost_of_all_views(tmp_path):
    tsm = write_run(tmp_path / "tsm", SPEC)
    write_result(tsm, tsm, protocol="dense_5x3")
    full = write_run(tmp_path / "full", SPEC)
    write_result(full, full, protocol="kinetics_accurate")
    larger = write_run(tmp_path / "larger", SPEC.replace(input_size=36))
    write_result(larger, larger)

    five, ten, one = accuracy_cost.own_rows(read_runs([tsm, full, larger]))
    assert (five["frames"], ten["frames"], one["frames"]) == (20, 40, 4)
    assert ten["multiply_adds_G"] == pytest.approx(30 * one["multiply_adds_G"], rel=0.02)
    assert 0.9 * ten["multiply_adds_G"] > 2 * five["multiply_adds_G"]


def test_networks_of_other_kinds_have_their_names(tmp_path):
    small = {"num_classes": 2, "input_size": 32}
    i3d = write_run(tmp_path / "i3d", ModelSpec("i3d_r50_3x1x1", width=0.1, **small))
    trn = write_run(tmp_path / "trn", SPEC.replace(shift_mode="none", consensus="trn"))
    for run in (i3d, trn):
        write_result(run, run)
    rows = accuracy_cost.own_rows(read_runs([i3d, trn]))
    assert [row["family"] for row in rows] == ["I3D", "TRN"]
    accuracy_cost.plot(rows, tmp_path / "own.png", "without the paper's")


def test_the_paper_alone(tmp_path, capsys):
    run_main(accuracy_cost, f"--output={tmp_path / 'out'}")
    assert "ours: 0 evaluation(s)" in capsys.readouterr().out


def test_runs_must_be_evaluated(tmp_path):
    run = write_run(tmp_path / "tsm", SPEC)
    with refuses("runs", "must have a top-1"):
        run_main(accuracy_cost, f"--runs={run}", f"--output={tmp_path / 'out'}")
    write_result(run, run, protocol="mine")
    with refuses("runs", "a known protocol", "one of efficient, ", "mine of"):
        run_main(accuracy_cost, f"--runs={run}", f"--output={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_no_name_covers_another_or_the_middle_of_a_bubble(monkeypatch, tmp_path):
    drawn = []

    def keep(figure, path, **_):
        drawn.append(figure)
        path.touch()

    monkeypatch.setattr(Figure, "savefig", keep)
    rows = accuracy_cost.paper_rows()
    accuracy_cost.plot(rows, tmp_path / "a.png")
    (axes,) = drawn[0].axes
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == len(rows)

    points = axes.transData.transform([(row["multiply_adds_G"], row["top1"]) for row in rows])
    for number, box in enumerate(boxes):
        assert box.count_overlaps(boxes) == 1  # itself
        assert not any(box.contains(*point) for point in points), rows[number]["model"]
