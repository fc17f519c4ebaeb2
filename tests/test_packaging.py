"""What a fresh environment gets from this project's files."""

import configparser
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parent.parent
CAPTURE = {"capture_output": True, "text": True}


def requirements():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    sections = {"base": config["options"]["install_requires"], **config["options.extras_require"]}
    return {name: [line for line in text.split("\n") if line] for name, text in sections.items()}


def name_of(requirement):
    return requirement.split(">=")[0].lower().replace("_", "-")


def test_every_dependency_has_one_exact_version():
    lines = (ROOT / "constraints.txt").read_text().split()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    assert all("==" in line for line in lines)
    for extra, names in requirements().items():
        if extra != "torch":  # 5 GB that only its own environment gets
            assert {name_of(r) for r in names} <= pinned, extra


def test_base_is_small_and_live_has_no_tensorflow():
    names = {extra: {name_of(r) for r in lines} for extra, lines in requirements().items()}
    assert names["base"] == {"absl-py", "numpy"}
    assert not names["live"] & {"tensorflow", "keras", "tensorflow-io"}
    assert {"tensorflow", "tensorflow-io", "keras", "av"} <= names["train"]


@pytest.mark.slow
def test_a_board_needs_numpy_and_one_interpreter(tmp_path):
    model = tmp_path / "model"
    options = [
        "--online",
        "--width=0.35",
        "--input_size=64",
        "--variants=float32,int8",
        "--num_videos=2",
    ]
    export = [sys.executable, "-m", "export.tflite", *options, f"--output={model}"]
    subprocess.run(export, check=True, cwd=tmp_path)
    wheels = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT]
    subprocess.run(wheels, check=True)
    (wheel,) = tmp_path.glob("tsm_tf-*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        ROOT / "constraints.txt",
        wheel,
        "tflite-runtime",
    ]
    subprocess.run(install, check=True)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format=freeze"], check=True, **CAPTURE
    ).stdout
    installed = {line.partition("==")[0].lower().replace("_", "-") for line in listed.split()}
    assert installed - {"pip", "setuptools"} == {"absl-py", "numpy", "tflite-runtime", "tsm-tf"}
    files = sorted(model.glob("*.tflite"))
    code = (
        "import sys, numpy as np; from export.runtime import StreamRunner\n"
        "for path in sys.argv[1:]:\n"
        "    logits = StreamRunner(path).step(np.zeros((64, 64, 3), np.uint8))\n"
        "    assert logits.shape == (27,) and logits.dtype == np.float32 and np.isfinite(logits).all()"
    )
    subprocess.run([python, "-c", code, *files], check=True, cwd=tmp_path)
    models = ",".join(map(str, files))
    benchmark = [
        python,
        "-m",
        "export.benchmark",
        f"--models={models}",
        "--rounds=1",
        f"--output={tmp_path / 'b'}",
    ]
    done = subprocess.run(benchmark, cwd=tmp_path, **CAPTURE)
    assert done.returncode == 0, done.stderr
    assert "no PNG: matplotlib is not installed" in done.stdout
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["latency.csv"]
    live = [
        python,
        "-m",
        "export.live",
        f"--model={files[0]}",
        "--video=x.mp4",
        f"--output={tmp_path / 'l'}",
    ]
    done = subprocess.run(live, cwd=tmp_path, **CAPTURE)
    assert (
        done.returncode == 1
        and "pip install 'tsm-tf[live]'" in done.stderr
        and "Traceback" not in done.stderr
    )


@pytest.mark.slow
def test_fresh_environment_with_live_runs_the_device_side(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        ROOT / "constraints.txt",
        f"{ROOT}[live]",
    ]
    subprocess.run(install, check=True)
    code = "import export.runtime, export.live.__main__, tsm_tf, importlib.util as u; assert not u.find_spec('tensorflow')"
    subprocess.run([python, "-c", code], check=True, cwd=tmp_path)
    done = subprocess.run(
        [python, "-m", "tsm_tf.training", "--recipe=gestures", "--data=x", "--output=y"], **CAPTURE
    )
    assert (
        done.returncode == 1
        and "pip install 'tsm-tf[train]'" in done.stderr
        and "Traceback" not in done.stderr
    )
