"""Tests of benchmarks.training_step with benchmarks.keras_step and benchmarks.processes."""

import csv
import os
import subprocess
import sys

import pytest

from benchmarks.processes import Trainers

COMMAND = [sys.executable, "-m", "benchmarks.training_step"]
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two cores are needed")
CHILD = """
import json, os, sys
print("ready", flush=True)
config = json.loads(os.environ.get("TF_CONFIG", "null"))
for number, _ in enumerate(sys.stdin, 1):
    open(f"{sys.argv[1]}/{os.getpid()}-{number}", "w").write(
        json.dumps([sorted(os.sched_getaffinity(0)), config])
    )
    print("done", flush=True)
print(1000 + (config["task"]["index"] if config else 0))
"""


def test_refuses_a_missing_interpreter():
    done = subprocess.run([*COMMAND, "--torch_python=python0"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: `torch_python` must be"), (
        done.stderr
    )


@TWO_CORES
def test_workers_step_together_each_on_its_core(tmp_path):
    before = os.sched_getaffinity(0)
    cores = sorted(before)[:2]
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    trainers = Trainers(command, [{core} for core in cores], workers=True)
    trainers()
    assert len(list(tmp_path.iterdir())) == 2
    trainers()
    assert len(list(tmp_path.iterdir())) == 4
    assert trainers.close() == 1001
    assert os.sched_getaffinity(0) == before

    found = {path.read_text() for path in tmp_path.iterdir()}
    assert len(found) == 2
    for text, core in zip(sorted(found), cores, strict=True):
        assert f"[{core}]" in text and text.count("127.0.0.1:") == 2


def test_an_early_end_of_a_process_is_an_error():
    with pytest.raises(RuntimeError, match="ended early"):
        Trainers([sys.executable, "-c", "pass"], [os.sched_getaffinity(0)])


@pytest.mark.slow
@TWO_CORES
def test_all_ways_to_train_take_their_steps(tmp_path):
    flags = [
        "--backbones=mobilenet_v2",
        "--input_size=32",
        "--batch_size=1",
        "--rounds=2",
        f"--output={tmp_path}",
    ]
    done = subprocess.run([*COMMAND, *flags], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    (path,) = tmp_path.glob("training_step-float32-*-tensorflow_*.csv")
    with path.open() as file:
        rows = {row["training"]: row for row in csv.DictReader(file)}
    assert list(rows) == [
        "Keras TSM",
        "Keras TSN",
        "one core",
        "two processes apart",
        "two workers",
    ]
    assert rows["Keras TSN"]["time_to_tsn"] == rows["one core"]["speed_ratio"] == "1.0"
    for row in rows.values():
        assert float(row["median_ms"]) > 0 and 200 < int(row["peak_mib"]) < 4000
