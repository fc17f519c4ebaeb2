"""The command: every field of the spec has a flag, and what the flags leave behind."""

import itertools
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from testing import own_lines
from videos import write_data

from tsm_tf import load_checkpoint, spec_flags
from tsm_tf.execution import PRECISIONS, STRATEGIES
from tsm_tf.training.recipes import MODELS, OPTIMIZERS, PAPER_RECIPES, SCHEDULES, get_recipe
from tsm_tf.training.run_folder.state import STATES, load_newest
from tsm_tf.training.settings import ON_BAD_VIDEO

TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 2,
    "batch_size": 4,
    "num_segments": 2,
    "input_size": 32,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 4})


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_errors_are_one_line(data, tmp_path):
    (tmp_path / "file").touch()
    values = {**TINY, "recipe": "gestures", "data": data}
    flags = [f"--{name}={value}" for name, value in values.items()]
    done = command("tsm_tf.training", *flags, f"--output={tmp_path / 'file'}")
    (line,) = own_lines(done.stderr)
    assert done.returncode == 1 and line.startswith("error: `output`")


def test_every_field_of_the_spec_has_a_flag(data, tmp_path):
    """And the choices in the help are those of the settings."""
    text = command("tsm_tf.training", "--helpfull").stdout
    for name in spec_flags.FIELDS:
        assert (f"--{name}:" in text or f"--[no]{name}:" in text) == (name != "num_classes"), name
    for choices in (STRATEGIES, PRECISIONS, ON_BAD_VIDEO, OPTIMIZERS, SCHEDULES, tuple(MODELS)):
        assert f"<{'|'.join(choices)}>" in text.replace("\n", "").replace(" ", ""), choices

    flags = [f"--{name}={value}" for name, value in {**TINY, "epochs": 1}.items()]
    flags.append("--optimizer=sgd")  # TensorFlow takes less time before the first step
    changes = ["--shift_place=block", "--temporal_pool", "--dropout=0.25", "--shift_mode=none"]
    output = tmp_path / "run"
    done = command(
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={data}",
        f"--output={output}",
        *flags,
        *changes,
    )
    assert done.returncode == 0, done.stderr
    assert f"python -m tsm_tf.evaluation --checkpoint={output / 'best'}" in done.stdout
    assert "export.tflite" not in done.stdout  # temporal pooling cannot be streamed
    spec = load_checkpoint(output).spec
    assert (spec.shift_place, spec.temporal_pool, spec.dropout) == ("block", True, 0.25)
    assert spec.shift_mode == "none" and spec.backbone == "resnet18"


@pytest.mark.slow
def test_float16_resumes_with_its_loss_scale_and_is_profiled(data, tmp_path):
    """A training that is too short for the usual profiled steps has a profile nevertheless."""
    options = {
        "recipe": "gestures",
        "data": data,
        "mixed_precision": "float16",
        "checkpoint_steps": 1,
        "epochs": 1,
        "optimizer": "sgd",
        "learning_rate": 0.001,
        "strategy": "none",
    }
    flags = [f"--{name}={value}" for name, value in {**TINY, **options}.items()]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    done = command("tsm_tf.training", *flags, f"--output={whole}", "--profile")
    assert done.returncode == 0, done.stderr
    assert list((whole / "tensorboard" / "train" / "plugins" / "profile").rglob("*.xplane.pb"))
    (stopped / STATES).mkdir(parents=True)
    shutil.copy(whole / "run.json", stopped)
    (first,) = (whole / STATES).glob("00000-0000001-*")
    shutil.copy(first, stopped / STATES)
    scale = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()).initial_scale
    assert any(
        array.shape == () and array == scale for array in load_newest(stopped).arrays.values()
    )
    done = command("tsm_tf.training", *flags, f"--output={stopped}")
    assert done.returncode == 0 and "resuming: epoch 1, step 2" in done.stdout, done.stderr
    one, other = load_newest(whole), load_newest(stopped)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(other.arrays[name], array, err_msg=name)
        assert array.dtype != np.float16
    done = command("tsm_tf.evaluation", f"--checkpoint={whole}", f"--data={data}")
    assert done.returncode == 0 and "top-1" in done.stdout, done.stderr


@pytest.mark.slow
def test_bfloat16_in_parts_compiled_by_xla(data, tmp_path):
    options = {
        "recipe": "gestures",
        "data": data,
        "output": tmp_path,
        "mixed_precision": "bfloat16",
        "accumulate": 2,
    }
    flags = [f"--{name}={value}" for name, value in {**TINY, **options, "strategy": "none"}.items()]
    done = command("tsm_tf.training", *flags, "--jit_compile", "--linear_scaling")
    assert done.returncode == 0, done.stderr
    rate = load_newest(tmp_path).history[0]["learning_rate"]
    assert rate == pytest.approx(
        2 * 4 / 16 * get_recipe("gestures").learning_rate
    )  # the recipe's is of 16 clips
    assert {v.dtype for v in load_checkpoint(tmp_path / "last").weights} == {"float32"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "model"), list(zip(PAPER_RECIPES, itertools.cycle(MODELS), strict=False))
)
def test_quick_variants(data, tmp_path, recipe, model):
    flags = [
        f"--recipe={recipe}",
        f"--model={model}",
        "--quick",
        f"--data={data}",
        f"--output={tmp_path}",
    ]
    done = command("tsm_tf.training", *flags)
    assert done.returncode == 0, done.stderr
    assert "the paper starts from" in done.stdout and "epoch 2/2" in done.stdout
    spec = load_checkpoint(tmp_path / "last").spec
    assert (spec.num_segments, spec.input_size) == (4, 64) and spec.non_local == (
        model == "nl_r50_8f"
    )


@pytest.mark.slow
def test_training_and_evaluation(data, tmp_path):
    flags = [f"--{name}={value}" for name, value in TINY.items()]
    output = tmp_path / "run"
    done = command(
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={data}",
        f"--output={output}",
        *flags,
        "--shift_mode=none",
    )
    assert done.returncode == 0, done.stderr
    assert "Swiping Left <-> Swiping Right" in done.stdout and "shift_mode none" in done.stdout
    done = command("tsm_tf.evaluation", f"--checkpoint={output}", f"--data={data}")
    assert done.returncode == 0 and (output / "evaluation" / "val" / "metrics.json").is_file(), (
        done.stderr
    )
    (data / "broken").mkdir()
    folder = write_data(data / "broken", {"train": 4, "val": 2})
    (folder / "train 1.mp4").write_text("text")
    done = command(
        "tsm_tf.training",
        "--recipe=gestures",
        f"--data={folder}",
        f"--output={tmp_path / 'b'}",
        *flags,
    )
    assert (
        done.returncode == 1 and "train 1.mp4" in done.stderr and "Traceback" not in done.stderr
    ), done.stderr
    skip = [f"--output={tmp_path / 'c'}", *flags, "--on_bad_video=skip"]
    done = command("tsm_tf.training", "--recipe=gestures", f"--data={folder}", *skip)
    assert done.returncode == 0 and "1 videos left out of epoch 1" in done.stdout, done.stderr
    assert "ran out of data" not in done.stderr
