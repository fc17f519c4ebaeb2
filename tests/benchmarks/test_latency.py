"""Tests of benchmarks.keras_clip_latency and benchmarks.tflite_latency."""

import csv
import subprocess
import sys

import pytest
from weights import with_weights

from benchmarks.run import ROOT
from tsm_tf import ModelSpec, build_model


def run(module, *flags):
    command = [sys.executable, "-m", f"benchmarks.{module}", *flags]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_refuses_an_unknown_backbone():
    done = run("keras_clip_latency", "--backbones=mobilenet_v2,vgg")
    assert done.returncode == 1 and "'vgg'" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_clips_of_every_mode(tmp_path):
    done = run(
        "keras_clip_latency", "--backbones=mobilenet_v2", "--rounds=2", f"--output={tmp_path}"
    )
    assert done.returncode == 0, done.stderr

    (path,) = tmp_path.glob("keras_clip_latency-float32-*-tensorflow_*.csv")
    rows = rows_of(path)
    assert [row["shift_mode"] for row in rows] == ["none", "bidirectional", "unidirectional"]
    assert rows[0]["ratio_to_tsn"] == "1.0"
    assert all(float(row["median_ms"]) > 0 for row in rows)


@pytest.mark.slow
def test_files_on_a_runtime(tmp_path):
    from export.runtime.interpreter import load_interpreter
    from export.tflite import export_model

    spec = ModelSpec(num_classes=4, num_segments=2, input_size=32, width=0.35)
    for number, mode in enumerate(("unidirectional", "none")):
        model = with_weights(build_model(spec.replace(shift_mode=mode)), seed=number)
        export_model(model, tmp_path / mode, online=True)
    _, runtime = load_interpreter(next((tmp_path / "none").glob("*.tflite")))

    done = run(
        "tflite_latency",
        "--name=shift_latency",
        f"--models={tmp_path / 'unidirectional'},{tmp_path / 'none'}",
        f"--runtimes={runtime}",
        "--rounds=1",
        "--curve",
        f"--output={tmp_path / 'results'}",
    )
    assert done.returncode == 0, done.stderr

    names = sorted(path.name for path in (tmp_path / "results").iterdir())
    assert [name.split("-")[0] for name in names] == ["shift_latency"] * 2 + ["shift_latency_curve"]
    assert all(name.split("-")[1] == "float32" and runtime in name for name in names)
    rows = rows_of(tmp_path / "results" / names[0])
    folders = [row["model"].split("/")[0] for row in rows]
    assert folders == ["unidirectional", "none"]
    assert rows[1]["ratio"] == "1.0"
