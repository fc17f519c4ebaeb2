import subprocess
import sys

import numpy as np
import pytest
from testing import refuses, video_frames

from export.metadata import read_spec
from export.parity import clip_difference, online_difference
from export.runtime import RUNTIMES, StreamRunner, load_interpreter, tensor_indices
from export.tflite import export_model
from tsm_tf import ModelSpec, build_model, save_checkpoint


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_agrees_with_keras(model, online, clip, runtime):
    assert online_difference(model, online, runtime) < 1e-4
    assert clip_difference(model, clip, runtime) < 1e-4


def test_names_and_spec_travel(model, online, clip):
    assert online.name == "mobilenet_v2_online_float32.tflite" and clip.name == "mobilenet_v2_clip_float32.tflite"
    inputs, outputs = tensor_indices(load_interpreter(online)[0])
    caches = [f"shift_{i:02d}" for i in range(10)]
    assert sorted(inputs) == ["image", *caches] and sorted(outputs) == ["logits", *caches]
    assert read_spec(online) == model.spec and read_spec(online).labels[3] == "ü"


def test_parity_check_can_fail(model, online):
    other = build_model(model.spec)
    other.set_weights([w * 1.01 for w in model.get_weights()])
    assert online_difference(other, online) > 1e-3


def test_export_that_differs_is_not_written(model, tmp_path, monkeypatch):
    monkeypatch.setattr("export.parity.TOLERANCE", 0.0)
    with refuses("export", "at most"):
        export_model(model, tmp_path, online=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_resnets(tmp_path, backbone):
    model = build_model(ModelSpec(backbone=backbone, num_classes=3, num_segments=2, input_size=32))
    runner = StreamRunner(export_model(model, tmp_path, online=True))
    assert runner.step(video_frames(32, 32, 3)).shape == (3,)


def test_no_shift_gives_the_plain_network(model, tmp_path):
    plain = build_model(model.spec.replace(shift_mode="none"))
    runner = StreamRunner(export_model(plain, tmp_path, online=True))
    frame = video_frames(32, 32, 3)
    np.testing.assert_array_equal(runner.step(frame), runner.step(frame))


def test_refuses_before_work(model, online, tmp_path):
    with refuses("output", online.name, "would be lost"):
        export_model(model, online.parent, online=True)
    with refuses("shift_mode", "to stream"):
        export_model(build_model(model.spec.replace(shift_mode="bidirectional")), tmp_path, online=True)


def command(*arguments):
    done = subprocess.run([sys.executable, "-m", "export.tflite", *arguments], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


def test_command(model, tmp_path):
    save_checkpoint(model, tmp_path / "run" / "best")
    done = command("--online", f"--checkpoint={tmp_path / 'run'}", f"--output={tmp_path / 'out'}")
    assert done.returncode == 0, done.stderr
    assert "largest difference of logits from Keras over 32 distinct frames" in done.stdout
    assert StreamRunner(tmp_path / "out" / "mobilenet_v2_online_float32.tflite").labels == ("a", "b", "c", "ü")


def test_command_without_checkpoint_says_so_loudly(tmp_path):
    done = command("--online", f"--output={tmp_path}", "--width=0.35", "--input_size=32", "--num_classes=3")
    assert "NO CHECKPOINT: FRESH WEIGHTS" in done.stdout
    assert read_spec(tmp_path / "mobilenet_v2_online_float32.tflite").num_classes == 3


def test_command_refuses(tmp_path):
    for flags, part in (
        (["--checkpoint=nowhere"], "`checkpoint`"),
        (["--checkpoint=x", "--width=0.5"], "decides --width"),
        (["--shift_mode=bidirectional"], "`shift_mode`"),
        (["stray"], "--flag=value"),
    ):
        done = command("--online", f"--output={tmp_path / 'o'}", *flags)
        assert done.returncode == 1 and part in done.stderr and not (tmp_path / "o").exists()
