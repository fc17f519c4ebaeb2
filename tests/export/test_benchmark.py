import csv
import subprocess
import sys

from export.runtime.interpreter import RUNTIMES


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "export.benchmark", *arguments], capture_output=True, text=True
    )


def test_times_online_and_clip_models_in_turns(online, clip, tmp_path):
    done = run(f"--models={online},{clip}", "--threads=1,2", "--rounds=1", f"--output={tmp_path}")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "latency.csv").open(encoding="utf-8")))
    assert [(row["model"].split("/")[1], row["threads"]) for row in rows] == [
        (path.name, threads) for threads in "12" for path in (online, clip)
    ]
    for row in rows:
        assert (
            0 < float(row["p50_ms"]) <= float(row["p90_ms"]) <= float(row["p99_ms"])
            and row["steps"] == "50"
        )
        assert (
            float(row["invoke_p50_ms"]) > 0
            and row["runtime"].split()[0] in RUNTIMES
            and row["device"]
        )
        assert (float(row["ratio"]) == 1) == (clip.name in row["model"])
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_no_picture(online, tmp_path):
    code = (
        "import importlib.util as u, runpy; find = u.find_spec; "
        "u.find_spec = lambda name, *more: None if name == 'matplotlib' else find(name, *more); "
        "runpy.run_module('export.benchmark', run_name='__main__', alter_sys=True)"
    )
    command = [
        sys.executable,
        "-c",
        code,
        f"--models={online}",
        "--rounds=1",
        f"--output={tmp_path}",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "no PNG" in done.stdout, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["latency.csv"]


def test_refuses(online, tmp_path):
    for flags, part in (
        (["--models=gone.tflite"], "gone.tflite"),
        ([f"--models={online}", "--threads=0"], "`threads`"),
        ([f"--models={online}", "--runtimes=onnx"], "`runtimes`"),
    ):
        done = run(*flags, f"--output={tmp_path / 'o'}")
        assert done.returncode == 1 and part in done.stderr and "Traceback" not in done.stderr, (
            done.stderr
        )
        assert not (tmp_path / "o").exists()
