import os
import pathlib
import subprocess
import sys

import pytest
from testing import refuses

from export.live.find_model import find_model


def checkpoint(folder, seconds=1000):
    folder.mkdir(parents=True)
    for name in ("spec.json", "model.weights.h5"):
        (folder / name).touch()
        os.utime(folder / name, (seconds, seconds))


@pytest.fixture
def exports(monkeypatch):
    """The commands of exports, replaced by a function that writes the file if it succeeds."""
    commands, code = [], [0]

    def run(command, **_):
        commands.append(command)
        output = pathlib.Path(command[-1].removeprefix("--output="))
        if not code[0]:
            output.mkdir(exist_ok=True)
            (output / "resnet18_online_float32.tflite").touch()
        return subprocess.CompletedProcess(command, code[0])

    monkeypatch.setattr(subprocess, "run", run)
    return commands, code


def test_a_file_is_itself(tmp_path):
    assert find_model(str(tmp_path / "x.tflite")) == str(tmp_path / "x.tflite")


def test_a_folder_is_exported_once(tmp_path, exports):
    commands, _ = exports
    run = tmp_path / "my run"
    checkpoint(run / "best")
    expected = str(run / "export" / "resnet18_online_float32.tflite")
    assert find_model(str(run)) == expected
    assert commands == [
        [
            *(sys.executable, "-m", "export.tflite", "--online"),
            *(f"--checkpoint={run / 'best'}", f"--output={run / 'export'}"),
        ]
    ]
    assert find_model(str(run)) == expected and len(commands) == 1

    newer = pathlib.Path(expected).stat().st_mtime + 10
    os.utime(run / "best" / "model.weights.h5", (newer, newer))  # it was trained on
    with refuses("model", "can be exported", "my run"):
        find_model(str(run))
    assert len(commands) == 2


def test_a_checkpoint_folder(tmp_path, exports):
    checkpoint(tmp_path / "best")
    assert find_model(str(tmp_path / "best")).startswith(str(tmp_path / "best" / "export"))


def test_what_cannot_be_exported(tmp_path, exports):
    _, code = exports
    with refuses("model", "folder of a training or a checkpoint"):
        find_model(str(tmp_path))
    checkpoint(tmp_path / "best")
    code[0] = 1
    with refuses("model", "can be exported"):
        find_model(str(tmp_path))
