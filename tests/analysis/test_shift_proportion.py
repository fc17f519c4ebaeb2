import csv
import fractions

import pytest
from analysis.run_folders import write_result, write_run
from testing import refuses, run_main

from tsm_tf import ModelSpec
from tsm_tf.analysis import shift_proportion
from tsm_tf.analysis.shift_proportion import proportion_of, variants

RESNET = ModelSpec(backbone="resnet18", shift_mode="bidirectional")


def test_variants():
    residual = [("residual", text) for text in ("0", "1/16", "1/8", "1/4", "1/2", "1")]
    in_place = [("in-place", text) for _, text in residual[1:]]
    for mode in ("bidirectional", "unidirectional"):
        found = variants(RESNET.replace(shift_mode=mode))
        names = [
            (shift_proportion.PLACES[spec.shift_place], str(proportion_of(spec))) for spec in found
        ]
        assert names == residual + in_place
        assert {spec.shift_mode for spec in found[1:]} == {mode}
    assert [spec.shift_div for spec in variants(RESNET)[1:6]] == [32, 16, 8, 4, 2]
    assert len(variants(ModelSpec())) == 6  # MobileNetV2 has no other place


def test_the_papers_default_is_a_quarter():
    assert proportion_of(ModelSpec(shift_mode="bidirectional")) == fractions.Fraction(1, 4)
    assert proportion_of(ModelSpec(shift_mode="unidirectional")) == fractions.Fraction(1, 8)
    assert proportion_of(ModelSpec(shift_mode="none")) == 0


def test_overhead_and_accuracy(tmp_path, capsys, monkeypatch):
    proportions = tuple(map(fractions.Fraction, ("1/16", "1/2")))
    monkeypatch.setattr(shift_proportion, "PROPORTIONS", proportions)
    run = write_run(tmp_path / "run", RESNET.replace(shift_place="block", shift_div=4))
    write_result(run / "evaluation", run, top1=0.625)

    small = "--backbone=mobilenet_v2", "--width=0.35", "--input_size=32", "--num_segments=2"
    counts = "--rounds=5", "--warm_up=1"
    out = tmp_path / "out"
    run_main(shift_proportion, *small, *counts, f"--runs={run}", f"--output={out}")

    with (out / "shift_proportion.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = [row for row in rows if row["source"] == "ours" and row["median_ms"]]
    assert [row["proportion"] for row in measured] == ["0.0", "0.5"]  # 8 channels have no 1/32
    assert measured[0]["overhead_percent"] == "0.0"
    (accuracy,) = [row for row in rows if row["source"] == "ours" and row["top1"]]
    assert (accuracy["place"], accuracy["proportion"], accuracy["top1"]) == (
        "in-place",
        "0.5",
        "62.5",
    )
    assert sum(row["source"] == "paper" for row in rows) == 5
    assert (out / "shift_proportion.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    assert "1/16 of the channels: left out" in printed and "Fig. 2 is a picture" in printed


def test_errors(tmp_path):
    out = f"--output={tmp_path / 'out'}"
    with refuses("shift_mode", "direction"):
        run_main(shift_proportion, "--shift_mode=none", out)
    with refuses("runs", "must have a top-1"):
        run = write_run(tmp_path / "run", RESNET)
        run_main(shift_proportion, f"--runs={run}", out)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_both_places(tmp_path):
    small = "--backbone=resnet18", "--input_size=64", "--num_segments=4"
    run_main(shift_proportion, *small, "--rounds=3", f"--output={tmp_path / 'out'}")
    with (tmp_path / "out" / "shift_proportion.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["median_ms"]]
    assert [row["place"] for row in rows] == ["residual"] * 6 + ["in-place"] * 5
