"""Tests of benchmarks.networks_latency, benchmarks.networks_plot and benchmarks.paper_networks."""

import csv

import pytest
from analysis.maps import linear_clip_model
from testing import refuses, run_main

from benchmarks import networks_latency, paper_networks
from benchmarks.networks_latency import (
    Comparison,
    add_paper_baselines,
    affordable_batch,
    chosen,
    paper_columns,
    timed_within,
)
from benchmarks.paper_networks import BASELINES, NETWORKS, Network, paper_speed
from tsm_tf import ModelSpec
from tsm_tf.analysis import clip_timing
from tsm_tf.models import clip

SPEC = ModelSpec(num_segments=3)
SMALL = (
    Network("TSM R-50 8f", SPEC, 1, 33, (6, "TSM 8f")),
    Network("TSM NL R-50 8f", SPEC, row=(5, "TSM NL R-50")),
    Network("twice", SPEC, clips=2, row=(5, "X3D-M")),
)


@pytest.fixture
def small_models(monkeypatch):
    monkeypatch.setattr(clip, "build_model", lambda spec: linear_clip_model())


def test_every_row_of_the_paper_exists():
    names = [network.name for network in NETWORKS]
    assert len(set(names)) == len(names) == 17
    for network in NETWORKS:
        if network.row:
            speed = paper_speed(network.row)
            assert speed.latency_ms or speed.videos_per_s
    for table, (name, here) in BASELINES.items():
        assert paper_speed((table, name)) and here in names
    assert paper_speed((6, "TSM 16f")) == paper_networks.Speed(29.0, 39.5)
    assert paper_speed((10, "I3D 3x3x3")) == paper_networks.Speed(None, 63.1)


def test_ratios_of_the_paper():
    by_name = {network.name: paper_columns(network) for network in NETWORKS}
    first, second = by_name["TSM R-50 16f"], by_name["X3D-M 16f"]
    assert first["paper_latency_ratio"] == round(29.0 / 17.4, 3)
    assert first["paper_throughput_ratio"] == round(39.5 / 77.4, 3)
    assert second["paper_baseline"] == "TSM NL R-50 8f"
    assert second["paper_latency_ratio"] == round(73.5 / 25.6, 3)
    assert second["paper_throughput_ratio"] == ""
    assert by_name["I3D 3x3x3 16f"]["paper_throughput_ratio"] == round(63.1 / 84.8, 3)
    assert set(by_name["ECO-Lite 16f"].values()) == {""}
    assert {tuple(row) for row in by_name.values()} == {tuple(first)}


def test_ratios_to_the_paper_s_baseline():
    none = {"paper_baseline": "TSM NL R-50 8f", "throughput_ratio": ""}
    rows = [
        {"network": "TSM NL R-50 8f", "latency_ratio": 1.5, **none},
        {"network": "X3D-M 16f", "latency_ratio": 3.0, **none},
        {"network": "other", "latency_ratio": 3.0, **none, "paper_baseline": ""},
        {"network": "out of memory", "latency_ratio": "", **none},
    ]
    add_paper_baselines(rows)
    assert [row["latency_ratio_to_paper_baseline"] for row in rows] == [1.0, 2.0, "", ""]
    assert {row["throughput_ratio_to_paper_baseline"] for row in rows} == {""}


def test_the_largest_batch_that_ends_in_time():
    assert affordable_batch(0.1, 8.0, 16) == 16  # five calls of 1.6 s
    assert affordable_batch(0.1, 7.9, 16) == 8
    assert affordable_batch(0.1, 100.0, 12) == 8
    assert affordable_batch(10.0, 1.0, 16) == 1


def test_rounds_end_in_time():
    counts = {"a": 0, "b": 0}

    def call(name):
        counts[name] += 1

    calls = {name: lambda name=name: call(name) for name in counts}
    assert len(timed_within(calls, 1000, most=7)["b"]) == 7
    assert counts == {"a": 9, "b": 9}
    assert len(timed_within(calls, 0, most=7)["a"]) == 3


def test_networks_whose_names_contain_a_word():
    names = [network.name for network in chosen(["ECO", "X3D"])]
    assert names == ["TSM R-50 8f", "ECO-Lite 16f", "ECO 16f", "X3D-M 16f"]
    assert chosen([]) == list(NETWORKS)
    with refuses("networks", "TSM R-50 8f, ", "vgg"):
        chosen(["ECO", "vgg"])


def test_small_networks(small_models, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(networks_latency, "NETWORKS", SMALL)
    limits = "--time_limit=0.01", "--rounds=3", "--batch_size=1"
    run_main(networks_latency, *limits, f"--output={tmp_path}")

    table, picture = sorted(tmp_path.glob("networks_latency-float32-*-tensorflow_*"))
    assert (table.suffix, picture.suffix) == (".csv", ".png")
    assert picture.stat().st_size > 20_000
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["network"] for row in rows] == [network.name for network in SMALL]
    assert [row["frames"] for row in rows] == ["3", "3", "6"]
    assert [row["rounds"] for row in rows] == ["3"] * 3
    assert rows[2]["parameters_M"] == "0.0"
    assert [row["paper_latency_ms"] for row in rows] == ["17.4", "25.6", "73.5"]
    assert "2/3, " in capsys.readouterr().out


def test_networks_that_do_not_fit_into_the_memory(small_models, monkeypatch, capsys):
    sizes, real = [], clip_timing.clip_calls

    def fits(largest):
        def calls(models, batch_size):
            sizes.append(batch_size)
            if batch_size > largest:
                raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            return real(models, 1)

        return calls

    comparison = Comparison(SMALL[0], time_limit=1000, rounds=3, batch_size=8)
    monkeypatch.setattr(clip_timing, "clip_calls", fits(4))
    row = comparison.measure(SMALL[2])  # two clips per video
    assert row["batch_size"] == 2 and sizes == [2, 1, 16, 8, 4, 2]
    assert row["paper_table"] == 5
    assert "8 video(s) do not fit" in capsys.readouterr().out

    monkeypatch.setattr(clip_timing, "clip_calls", fits(0))
    without = comparison.measure(SMALL[0])
    assert list(without) == list(row)
    assert {without[name] for name in row if "ratio" in name and "paper" not in name} == {""}

    monkeypatch.setattr(clip_timing, "clip_calls", lambda models, batch_size: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        comparison.measure(SMALL[0])


@pytest.mark.slow
def test_a_network_of_the_paper(tmp_path):
    limits = "--time_limit=0", "--rounds=3", "--batch_size=1"
    run_main(networks_latency, "--networks=GCN", *limits, f"--output={tmp_path}")
    with next(tmp_path.glob("*.csv")).open() as file:
        baseline, network = csv.DictReader(file)
    assert (baseline["multiply_adds_G"], network["multiply_adds_G"]) == ("32.7", "237.07")
    assert float(network["latency_ratio"]) > 2
    assert network["paper_multiply_adds_G"] == "303"
