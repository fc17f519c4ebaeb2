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
def test_fresh_environment_with_live_runs_the_device_side(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", f"{ROOT}[live]"]
    subprocess.run(install, check=True)
    code = "import export.runtime, export.live, tsm_tf, importlib.util as u; assert not u.find_spec('tensorflow')"
    subprocess.run([python, "-c", code], check=True, cwd=tmp_path)
    done = subprocess.run([python, "-m", "tsm_tf.training", "--recipe=gestures", "--data=x", "--output=y"], **CAPTURE)
    assert done.returncode == 1 and "pip install 'tsm-tf[train]'" in done.stderr and "Traceback" not in done.stderr
