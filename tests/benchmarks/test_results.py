"""Tests of benchmarks.results, and of the names of the results in the repository."""

import csv
import pathlib
import re

import pytest

from benchmarks.results import RESULTS, publish, result_path, short_device_name, version_of


@pytest.mark.parametrize(
    ("device", "short"),
    [
        ("Intel(R) Xeon(R) Processor", "Intel_Xeon"),
        ("Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz", "Intel_Core_i7_8550U"),
        ("AMD EPYC", "AMD_EPYC"),
        ("Raspberry Pi 4 Model B Rev 1.4", "Raspberry_Pi_4_Model_B_Rev_1.4"),
    ],
)
def test_device_names_by_hand(device, short):
    assert short_device_name(device) == short


def test_path_by_hand():
    path = result_path(
        pathlib.Path("r"),
        "shift-latency",
        ["float32", "int8", "float32"],
        "AMD EPYC",
        ["tflite_runtime_2.14.0", "ai_edge_litert_2.3.0", "tflite_runtime_2.14.0"],
    )
    name = "shift_latency-float32+int8-AMD_EPYC-tflite_runtime_2.14.0+ai_edge_litert_2.3.0.csv"
    assert path == pathlib.Path("r") / name


def test_version_is_the_installed_one():
    assert re.fullmatch(r"absl_py_\d+\.\d[\d.]*", version_of("absl-py"))


def test_publish_prints_and_writes(tmp_path, capsys):
    path = tmp_path / "new" / "a.csv"
    publish([{"model": "x", "ms": 1.5}, {"model": "y", "ms": 2}], path)
    assert capsys.readouterr().out == f"model=x  ms=1.5\nmodel=y  ms=2\nwritten to {path}\n"
    with path.open() as file:
        assert list(csv.DictReader(file)) == [
            {"model": "x", "ms": "1.5"},
            {"model": "y", "ms": "2"},
        ]


def test_results_in_the_repository_have_four_parts():
    names = [path.name for path in RESULTS.iterdir()]
    assert len(names) > 5
    for name in names:
        what, precision, device, version = name.rsplit(".", 1)[0].split("-")
        assert re.fullmatch(r"[a-z0-9_]+", what), name
        assert set(precision.split("+")) <= {"float32", "float16", "int8", "uint8"}, name
        assert short_device_name(device) == device, name
        assert re.fullmatch(r"[a-z_]+_\d[\d.]*(\+[a-z_]+_\d[\d.]*)*", version), name
