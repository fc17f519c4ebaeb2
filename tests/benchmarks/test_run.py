import pathlib
import re
import subprocess
import sys

import pytest
from testing import refuses

from benchmarks import run
from benchmarks.tflite_latency import find_models

SETTINGS = run.Settings(pathlib.Path("/w"), pathlib.Path("/r"), "/torch/python")


def test_parts_and_their_commands():
    modules = {name: [command[0] for command in part(SETTINGS)] for name, part in run.PARTS.items()}
    assert modules == {
        "keras_clip_latency": ["benchmarks.keras_clip_latency"],
        "tflite_clip_latency": ["export.tflite", "export.tflite", "benchmarks.tflite_latency"] * 2,
        "shift_latency": ["export.tflite", "export.tflite", "benchmarks.tflite_latency"] * 2,
        "size_latency": ["export.tflite"] * len(run.SIZES) + ["benchmarks.tflite_latency"],
        "detector_latency": [
            "benchmarks.fresh_detectors",
            *["export.tflite"] * 2,
            "benchmarks.tflite_latency",
        ],
        "training_input": ["tsm_tf.data.synthetic", "benchmarks.training_input"],
        "training_step": ["benchmarks.training_step"],
        "litert_torch_latency": ["export.tflite"] * 2 + ["benchmarks.litert_torch_latency"],
        "networks_latency": ["benchmarks.networks_latency"],
    }
    for part in run.PARTS.values():
        assert "--output=/r" in part(SETTINGS)[-1]
    for part in (run.training_step, run.litert_torch_latency):
        assert "--torch_python=/torch/python" in part(SETTINGS)[-1]


def test_each_size_has_its_folder_and_the_largest_is_the_baseline():
    *exports, measurement = run.size_latency(SETTINGS)
    folders = [command[-1].removeprefix("--output=") for command in exports]
    assert folders[3] == "/w/size_latency/mobilenet_v2/0.5/160"
    assert exports[3][3:6] == ("--backbone=mobilenet_v2", "--width=0.5", "--input_size=160")
    assert len(set(folders)) == len(folders)
    assert f"--models={','.join(folders)}" in measurement
    assert run.SIZES[-1] == run.Size("mobilenet_v2", 1.0, 224)


def test_the_plain_network_in_float32_is_the_baseline_of_the_shift():
    measurements = run.shift_latency(SETTINGS)[2::3]
    mobilenet, resnet = (each[2].removeprefix("--models=").split(",") for each in measurements)
    assert mobilenet == [
        "/w/shift_latency/mobilenet_v2/tsm",
        "/w/shift_latency/mobilenet_v2/plain_2d/mobilenet_v2_online_int8.tflite",
        "/w/shift_latency/mobilenet_v2/plain_2d/mobilenet_v2_online_float32.tflite",
    ]
    assert resnet == [
        "/w/shift_latency/resnet50/tsm",
        "/w/shift_latency/resnet50/plain_2d/resnet50_online_float32.tflite",
    ]


def test_a_part_starts_with_an_empty_folder_and_stops_at_a_failure(tmp_path, monkeypatch):
    settings = run.Settings(tmp_path, tmp_path / "r")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "old").touch()

    def mine(settings):
        return [("platform",), ("compileall", "--none"), ("this",)]

    monkeypatch.setitem(run.PARTS, "mine", mine)
    with pytest.raises(subprocess.CalledProcessError) as error:
        run.run_part("mine", settings)
    assert error.value.cmd[2:] == ["compileall", "--none"]
    assert not (tmp_path / "mine").exists()


def test_refuses_an_unknown_part(tmp_path):
    command = [sys.executable, "-m", "benchmarks.run", "--parts=keras_clip_latency,speed"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=run.ROOT)
    assert done.returncode == 1 and done.stderr.startswith("error: `parts` must be from"), done
    assert "'speed'" in done.stderr


def test_folders_stand_for_their_models_in_order(tmp_path):
    for name in ("b.tflite", "a.tflite", "card.html"):
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    alone = tmp_path / "a.tflite"
    assert find_models([tmp_path, alone]) == [alone, tmp_path / "b.tflite", alone]
    with refuses("models", "TFLite", "empty"):
        find_models([tmp_path / "empty"])
    with refuses("models", "existing", "gone"):
        find_models([tmp_path / "gone"])


def test_installed_modules_do_not_depend_on_this_folder():
    files = [path for part in ("tsm_tf", "export") for path in (run.ROOT / part).rglob("*.py")]
    assert len(files) > 50
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bbenchmarks[/.]\w|import benchmarks", text), path
