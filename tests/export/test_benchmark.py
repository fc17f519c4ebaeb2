import csv
import subprocess
import sys

import pytest
from gpu import require_gpu

from export import benchmark
from export.benchmark import Block, make_steps, measure, multiply_adds
from export.format.metadata import read_spec
from export.format.reader import read_model
from export.runtime import load_runner
from export.runtime.engine import RUNTIMES
from tsm_tf.versions import device


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "export.benchmark", *arguments],
        capture_output=True,
        text=True,
    )


def test_times_online_and_clip_models_in_turns(online, clip, tmp_path):
    done = run(f"--models={online},{clip}", "--threads=1,2", "--rounds=1", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"written to {tmp_path}: latency.csv, latency.png\n")

    with (tmp_path / "latency.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = [(path.name, threads) for threads in "12" for path in (online, clip)]
    assert [(row["model"].split("/")[1], row["threads"]) for row in rows] == expected

    for row in rows:
        assert 0 < float(row["p50_ms"]) <= float(row["p90_ms"]) <= float(row["p99_ms"])
        assert float(row["invoke_p50_ms"]) > 0
        assert row["steps"] == "50"
        assert row["runtime"].split()[0] in RUNTIMES
        assert row["device"] == device()
        assert (float(row["ratio"]) == 1) == (clip.name in row["model"])
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")


def test_a_block_times_ten_steps_after_one_that_it_does_not():
    calls = []
    block = Block(lambda: calls.append(len(calls)))
    for _ in range(3):
        block()
    assert len(calls) == 33 and len(block.milliseconds) == 30
    block.milliseconds = list(range(30))
    assert block.newest(2).tolist() == [list(range(10, 20)), list(range(20, 30))]


def test_steps_run_the_model_and_its_interpreter(online, clip):
    for path in (online, clip):
        steps = make_steps(load_runner(path))
        assert list(steps) == ["step", "invoke"]
        assert steps["step"]().shape == (4,)
        assert steps["invoke"]() is None


def test_the_columns_are_those_of_the_results(online, tmp_path):
    (row,) = measure([online], 1, "auto", 1)
    assert list(row) == [
        "model",
        "variant",
        "multiply_adds",
        "p50_ms",
        "p90_ms",
        "p99_ms",
        "ratio",
        "invoke_p50_ms",
        "threads",
        "runtime",
        "delegate",
        "device",
        "steps",
    ]
    assert row["ratio"] == 1.0


def test_a_row_says_whether_a_gpu_runs_everything(online, monkeypatch):
    require_gpu(online)
    monkeypatch.setattr(benchmark, "_LOADS", 1)
    (row,) = measure([online], 1, "litert_gpu", 1)
    assert row["runtime"].startswith("litert_gpu 2") and row["delegate"] == "fully accelerated"


def test_multiply_adds_are_those_of_the_keras_model(online):
    from tsm_tf import build_model
    from tsm_tf.analysis.cost import model_cost

    cost = model_cost(build_model(read_spec(online)))
    assert multiply_adds(read_model(online)) == pytest.approx(
        cost.total("multiply_adds") / cost.frames
    )


def test_without_matplotlib_no_picture(online, tmp_path):
    code = (
        "import importlib.util as u, runpy; find = u.find_spec; "
        "u.find_spec = lambda name, *more: None if name == 'matplotlib' else find(name, *more); "
        "runpy.run_module('export.benchmark', run_name='__main__', alter_sys=True)"
    )
    arguments = (f"--models={online}", "--rounds=1", f"--output={tmp_path}")
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0 and "no PNG" in done.stdout, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["latency.csv"]


def test_refuses(online, tmp_path):
    for flags, part in (
        (["--models=gone.tflite"], "gone.tflite"),
        ([f"--models={online}", "--threads=0"], "`threads`"),
        ([f"--models={online}", "--runtimes=onnx"], "`runtimes`"),
        ([f"--models={online}", "--runtimes=litert", "--delegate=edgetpu"], "`delegate`"),
    ):
        done = run(*flags, f"--output={tmp_path / 'o'}")
        assert done.returncode == 1 and part in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "o").exists()
