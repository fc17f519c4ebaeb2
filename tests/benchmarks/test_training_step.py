import csv
import os
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-m", "benchmarks.training_step"]


def test_refuses_an_interpreter_that_is_not_there():
    done = subprocess.run([*COMMAND, "--torch_python=python0"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: `torch_python` must be"), (
        done.stderr
    )


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="two cores are needed")
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
    with (tmp_path / "training_step.csv").open() as file:
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
