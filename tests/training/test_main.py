"""Every flag: bad values end with one line that names it; what the good ones leave behind."""

import itertools
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from testing import refuses
from videos import write_data

from tsm_tf import ModelSpec, build_model, load_checkpoint, save_checkpoint
from tsm_tf.training.recipes import MODELS, RECIPES, get_recipe
from tsm_tf.training.run_folder.state import STATES, load_newest
from tsm_tf.training.train import Start, train

TINY = {
    "backbone": "resnet18",
    "width": 1.0,
    "epochs": 2,
    "batch_size": 4,
    "num_segments": 2,
    "input_size": 32,
}
PAPER_RECIPES = [name for name in RECIPES if name != "gestures"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), {"train": 8, "val": 4})


def command(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("epochs", -1), ("batch_size", 0), ("accumulate", 0), ("seed", -1), ("seed", 2**32)),
        *(("learning_rate", 0.0), ("learning_rate", float("nan")), ("learning_rate", float("inf"))),
        *(("weight_decay", -1.0), ("clip_norm", float("nan")), ("warmup_epochs", -1.0)),
    ],
)
def test_numbers_out_of_range(name, value):
    with refuses(name, f"Received: {value}"):
        get_recipe("gestures", **{name: value})


def test_flags_that_exclude_each_other():
    with refuses("linear_scaling", "left out with learning_rate"):
        get_recipe("gestures", scale_rate=True, learning_rate=0.1)
    with refuses("linear_scaling", "left out with warmup_epochs"):
        get_recipe("gestures", scale_rate=True, warmup_epochs=2.0)
    with refuses("linear_scaling", "cosine_per_epoch"):
        get_recipe("kinetics", scale_rate=True, schedule="cosine_per_epoch")
    with refuses("warmup_epochs", "cosine_per_epoch"):  # it was accepted, and did nothing
        get_recipe("kinetics", schedule="cosine_per_epoch", warmup_epochs=1.0)
    with refuses("model", "left out with gestures"):
        get_recipe("gestures", "r50_8f")


def test_linear_scaling_warms_up_for_half_of_a_short_training():
    recipe = get_recipe("kinetics", quick_variant=True, scale_rate=True, batch_size=8)
    assert (recipe.epochs, recipe.warmup_epochs) == (2, 1)
    assert (recipe.warmup_rate, recipe.learning_rate) == (0.02, 0.04)
    assert get_recipe("kinetics_paper", scale_rate=True, batch_size=12_288).warmup_epochs == 5


@pytest.mark.parametrize(
    ("file", "content", "rule"),
    [
        ("train.txt", "", "at least one video"),
        ("labels.txt", "", "at least one"),
        ("labels.txt", "Only\n", "at least two classes"),
        ("train.txt", '"train 0.mp4" 2 0\n', "training videos of at least 3 frames"),
    ],
)
def test_data_that_cannot_be_trained_on(data, tmp_path, file, content, rule):
    shutil.copytree(data, folder := tmp_path / "data")
    (folder / file).write_text(content)
    with refuses("data", rule):
        train(get_recipe("gestures", **TINY), folder, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_starts_that_are_not_there_or_do_not_fit(data, tmp_path):
    other = ModelSpec(
        backbone="resnet18", num_segments=2, input_size=32, num_classes=2, labels=("a", "b")
    )
    save_checkpoint(build_model(other), tmp_path / "other")
    recipe = get_recipe("gestures", **TINY)
    (data / "val.txt").rename(hidden := data / "hidden.txt")
    with pytest.raises(FileNotFoundError, match=r"`data` must be a folder with val\.txt"):
        train(recipe, data, tmp_path / "run")
    hidden.rename(data / "val.txt")
    for name in ("init", "teacher"):
        with pytest.raises(FileNotFoundError, match=f"`{name}` must be a folder with spec.json"):
            train(recipe, data, tmp_path / "run", start=Start(**{name: "nowhere"}))
    with refuses("teacher", "labels", "Swiping Left", "('a', 'b')"):
        train(recipe, data, tmp_path / "run", start=Start(teacher=str(tmp_path / "other")))
    (tmp_path / "other" / "model.weights.h5").write_bytes(b"text")
    with refuses("init", "weights"):
        train(recipe, data, tmp_path / "run", start=Start(init=str(tmp_path / "other")))
    with refuses("temperature", "positive"):
        train(recipe, data, tmp_path / "run", start=Start(temperature=0.0))
    assert not (tmp_path / "run").exists()


def test_the_command_says_it_in_one_line(data, tmp_path):
    (tmp_path / "file").touch()
    flags = [
        f"--{name}={value}" for name, value in {**TINY, "recipe": "gestures", "data": data}.items()
    ]
    done = command("tsm_tf.training", *flags, f"--output={tmp_path / 'file'}")
    assert (
        done.returncode == 1
        and done.stderr.startswith("error: `output`")
        and done.stderr.count("\n") == 1
    )


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_mixed_precision_keeps_weights_and_logits_in_float32(precision):
    spec = ModelSpec(backbone="resnet18", num_segments=2, input_size=32, num_classes=3)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(f"mixed_{precision}")
    try:
        model = build_model(spec)
    finally:
        keras.config.set_dtype_policy(before)
    assert (
        model.get_layer("conv1").compute_dtype == model.get_layer("head").compute_dtype == precision
    )
    assert {keras.backend.standardize_dtype(v.dtype) for v in model.weights} == {"float32"}
    logits = model(np.zeros((1, 2, 32, 32, 3), np.uint8))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.slow
def test_float16_goes_on_with_its_loss_scale_and_is_profiled(data, tmp_path):
    """A training that is too short for the usual steps of a profile has one nevertheless."""
    options = {
        "recipe": "gestures",
        "data": data,
        "mixed_precision": "float16",
        "checkpoint_steps": 1,
        "epochs": 1,
    }
    options |= {"optimizer": "sgd", "learning_rate": 0.001, "strategy": "none"}
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
        array.shape == () and array == scale
        for array in load_newest(stopped / STATES).arrays.values()
    )
    done = command("tsm_tf.training", *flags, f"--output={stopped}")
    assert done.returncode == 0 and "going on: epoch 1, step 2" in done.stdout, done.stderr
    one, other = load_newest(whole / STATES), load_newest(stopped / STATES)
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
    rate = load_newest(tmp_path / STATES).history[0]["learning_rate"]
    assert rate == pytest.approx(
        2 * 4 / 16 * get_recipe("gestures").learning_rate
    )  # the recipe's is of 16 clips
    assert {v.dtype for v in load_checkpoint(tmp_path / "last").weights} == {"float32"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "model"), zip(PAPER_RECIPES, itertools.cycle(MODELS), strict=False)
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
    assert "from scratch; the paper starts from" in done.stdout and "epoch 2/2" in done.stdout
    spec = load_checkpoint(tmp_path / "last").spec
    assert (spec.num_segments, spec.input_size) == (4, 64) and spec.non_local == (
        model == "nl_r50_8f"
    )
