import csv

import pytest
from analysis.run_folders import write_result, write_run
from testing import refuses, run_main

from tsm_tf import ModelSpec
from tsm_tf.analysis import accuracy_cost

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
