"""Also covers `clips.py`, `start.py` and `__main__.py`."""

import csv
import json
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from annotated_data import write_published
from testing import array, refuses, run_main

import tsm_tf
from tsm_tf.detection.checkpoint import load_detector
from tsm_tf.detection.data.listing import DetectionListing
from tsm_tf.detection.recipes import get_recipe
from tsm_tf.detection.rfcn import build_detector
from tsm_tf.detection.training import __main__ as command
from tsm_tf.detection.training.clips import DetectionClips
from tsm_tf.detection.training.start import stage_layers, weights_of_backbone, weights_of_detector
from tsm_tf.detection.training.train import make_plan, train
from tsm_tf.devices import Devices
from tsm_tf.training.run_folder.state import load_newest
from tsm_tf.training.settings import Execution, Initialization

SMALL = {
    "input_height": 32,
    "input_width": 48,
    "num_segments": 2,
    "batch_size": 2,
    "epochs": 2,
    "detector_channels": 16,
    "bins": 2,
}
STEPS = 3  # seven samples


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "whole"
    return output, train(get_recipe("shapes", **SMALL), data, output)


def test_a_run_leaves_what_other_commands_need(run):
    output, detector = run
    with (output / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"loss", "class_loss", "val_loss", "val_mAP"} <= set(rows[0])
    loaded = load_detector(output / "last")
    assert loaded.spec == detector.spec and loaded.spec.labels[8] == "dog"
    for found, expected in zip(loaded.weights, detector.weights, strict=True):
        np.testing.assert_array_equal(array(found), array(expected))
    assert (output / "best" / "spec.json").is_file() and (output / "curves.png").is_file()
    settings = json.loads((output / "run.json").read_text())
    assert settings["kind"] == "detector" and settings["seed"] == 0


@pytest.mark.slow
def test_a_run_that_is_stopped_resumes_to_the_same_bits(run, data, tmp_path, monkeypatch):
    """It is stopped in the middle of the second epoch, after a state was saved."""
    recipe = get_recipe("shapes", **SMALL)

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == STEPS + 2:
                raise KeyboardInterrupt

    from tsm_tf.training import fit

    make = fit.make_callbacks
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fit, "make_callbacks", lambda *args: [*make(*args), Stop()])
        train(recipe, data, tmp_path, execution=Execution(checkpoint_steps=1))
    assert (load_newest(tmp_path).epoch, load_newest(tmp_path).batch) == (1, 2)

    resumed = train(recipe, data, tmp_path, execution=Execution(checkpoint_steps=1))
    for found, expected in zip(resumed.weights, run[1].weights, strict=True):
        np.testing.assert_array_equal(array(found), array(expected))
    with refuses("output", "batch_size"):
        train(recipe.replace(batch_size=3), data, tmp_path)


@pytest.mark.slow
def test_several_devices_and_half_precision(data, tmp_path):
    """In a process of its own, with two logical processors."""
    flags = [
        f"--{name}={SMALL[name]}" for name in SMALL if name not in ("detector_channels", "bins")
    ]
    code = (
        "import tensorflow as tf\n"
        "device = tf.config.LogicalDeviceConfiguration()\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(cpu, [device] * 2)\n"
        "from tsm_tf.detection.training.__main__ import run_command\n"
        "run_command()\n"
    )
    options = ["--strategy=mirrored", "--mixed_precision=bfloat16", *flags]
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            code,
            "--recipe=shapes",
            f"--data={data}",
            f"--output={tmp_path / 'run'}",
            *options,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert load_newest(tmp_path / "run").epoch == 2
    assert load_detector(tmp_path / "run").spec.num_segments == 2


def test_samples_of_an_epoch(data):
    plan = make_plan(get_recipe("shapes", **SMALL), DetectionListing(data), Devices())
    assert plan.steps == STEPS and plan.spec.num_classes == 30 and plan.batch_size == 2
    clips = DetectionClips(plan, Devices(), Execution())
    batches = list(clips.training(0, 0, None))
    assert len(batches) == STEPS
    clip, targets = batches[0]
    assert clip.shape == (2, 2, 32, 48, 3) and targets["classes"].shape == (2, 2, 8)
    assert sum(len(clip) for clip, _ in clips.validation()) == 2
    later = next(iter(clips.training(0, 2, None)))
    np.testing.assert_array_equal(later[0], batches[2][0])


def test_too_few_samples_are_refused(data):
    with refuses("batch_size", "at most the 7 training samples"):
        train(get_recipe("shapes", **{**SMALL, "batch_size": 8}), data, "unused")
    with refuses("teacher", "None for a detector"):
        train(get_recipe("shapes"), data, "unused", initialization=Initialization(teacher="x"))


def test_the_shift_starts_from_a_detector_of_single_frames(run):
    output, source = run
    spec = source.spec.replace(shift_mode="none", num_segments=1)
    model = build_detector(spec)
    assert weights_of_detector(model, str(output)) == []
    for found, expected in zip(model.weights, load_detector(output).weights, strict=True):
        np.testing.assert_array_equal(array(found), array(expected))

    other = build_detector(spec.replace(num_classes=2, labels=("a", "b")))
    assert weights_of_detector(other, str(output)) == ["class_conv/kernel", "class_conv/bias"]
    with refuses("init", "must hold the weights of resnet18"):
        weights_of_detector(build_detector(spec.replace(backbone="resnet18")), str(output))


def test_the_backbone_starts_from_a_classifier(tmp_path):
    classifier = tsm_tf.build_model(
        tsm_tf.ModelSpec("resnet_small", num_classes=2, num_segments=1, input_size=32)
    )
    tsm_tf.save_checkpoint(classifier, tmp_path)
    spec = get_recipe("shapes", **{n: SMALL[n] for n in ("input_height", "input_width")}).model
    model = build_detector(spec)
    new = weights_of_backbone(model, str(tmp_path))
    layers = ("feat_conv", "object_conv", "delta_conv", "class_conv", "box_conv")
    assert sorted(new) == sorted(f"{x}/{name}" for x in layers for name in ("kernel", "bias"))
    values = {v.path: array(v) for v in classifier.variables}
    for variable in model.variables:
        if variable.path not in new:
            np.testing.assert_array_equal(array(variable), values[variable.path])


def test_layers_of_a_stage():
    names = stage_layers(get_recipe("shapes").model, 1)
    assert {"conv1", "bn1", "layer1_1_bn2"} <= names and "layer2_0_conv1" not in names
    with refuses("frozen_stages", "at most 3"):
        stage_layers(get_recipe("shapes").model, 4)


@pytest.mark.slow
def test_command(data, tmp_path, capsys):
    flags = {
        name: value for name, value in SMALL.items() if name not in ("detector_channels", "bins")
    }
    run_main(
        command,
        "--recipe=shapes",
        f"--data={data}",
        f"--output={tmp_path}",
        *(f"--{name}={value}" for name, value in {**flags, "epochs": 1}.items()),
        "--shift_mode=none",
        "--strategy=none",
    )
    printed = capsys.readouterr().out
    assert "7 samples per epoch from" in printed and "shift_mode none" in printed
    assert f"--checkpoints={tmp_path / 'last'}" in printed
    assert load_detector(tmp_path).spec.shift_mode == "none"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGTERM, 0, "stopped by SIGTERM"), (signal.SIGINT, 130, "interrupted")],
)
def test_command_that_is_stopped_says_how_to_resume(data, tmp_path, number, code, line):
    names = ("input_height", "input_width", "num_segments", "batch_size")
    arguments = [
        "--recipe=shapes",
        f"--data={data}",
        f"--output={tmp_path}",
        *(f"--{name}={SMALL[name]}" for name in names),
        "--epochs=1000",
        "--checkpoint_steps=1",
    ]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "tsm_tf.detection.training", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for _ in process.stdout:
            if (tmp_path / "log.csv").is_file():  # after the first epoch
                break
        process.send_signal(number)
        rest = process.stdout.read()
    assert process.returncode == code, rest
    assert f"{line}; run the same command again to resume {tmp_path}" in rest
    assert load_newest(tmp_path).epoch >= 1
