"""Training with Keras' JAX backend: several devices end with the same weights as one."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest

from tsm_tf import ModelSpec, build_model
from tsm_tf.devices import pick_devices
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.run_folder.state import STATES, load_newest
from tsm_tf.training.step.optimizer import build_optimizer

TWO_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
FLAGS = {
    "backbone": "resnet18",
    "epochs": 1,
    "batch_size": 4,
    "num_segments": 2,
    "input_size": 32,
    "dropout": 0.0,
    "optimizer": "sgd",
    "learning_rate": 0.001,
}


def python(*arguments, **variables):
    environment = {**os.environ, "KERAS_BACKEND": "jax", **variables}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs JAX")
def test_two_devices_train_as_one(tmp_path):
    done = python(__file__, str(tmp_path), **TWO_DEVICES)
    assert done.returncode == 0, done.stderr
    assert "conv1 on {'auto': 2, 'none': 1} devices" in done.stdout
    one, two = np.load(tmp_path / "none.npz"), np.load(tmp_path / "auto.npz")
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], rtol=1e-5, atol=1e-5, err_msg=name)


def fit(folder):
    """Trains on both devices, then on one; writes the weights."""
    recipe = get_recipe("gestures", **FLAGS)
    spec = ModelSpec(
        **{name: FLAGS[name] for name in ("backbone", "num_segments", "input_size", "dropout")}
    )
    rng = np.random.default_rng(0)
    clips = rng.integers(
        0, 256, (8, spec.num_segments, spec.input_size, spec.input_size, 3), np.uint8
    )
    labels = rng.integers(0, spec.num_classes, 8)
    counts = {}
    for strategy in ("auto", "none"):
        keras.distribution.set_distribution(None)
        devices = pick_devices(strategy)
        keras.utils.set_random_seed(0)
        model = build_model(spec)
        model.compile(
            build_optimizer(recipe, model, 2),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.fit(clips, labels, batch_size=FLAGS["batch_size"], epochs=2, shuffle=False, verbose=0)
        counts[strategy] = len(model.get_layer("conv1").kernel.value.devices())
        assert devices.share.replicas == counts[strategy]
        np.savez(
            folder / f"{strategy}.npz",
            **{v.path: keras.ops.convert_to_numpy(v) for v in model.variables},
        )
    print(f"conv1 on {counts} devices")


@pytest.mark.slow
def test_command_on_two_devices_and_after_a_stop(tmp_path):
    """The clips need TensorFlow too, so JAX comes from another environment."""
    from videos import write_data  # needs the extra `live`, which JAX' lane has not

    root = pathlib.Path(__file__).parents[2]
    packages = sorted(root.glob(".venv-jax/lib/python3*/site-packages"))
    if keras.backend.backend() != "tensorflow" or not packages:
        pytest.skip("`make test-jax` makes .venv-jax")
    path = os.pathsep.join([str(root), str(packages[0])])
    data = write_data(
        tmp_path / "data", {"train": 8, "val": 3}
    )  # the validation's batch has to be filled up

    def start(output, *more, **variables):
        flags = {
            **FLAGS,
            "recipe": "gestures",
            "data": data,
            "output": output,
            "checkpoint_steps": 1,
        }
        flags = [f"--{name}={value}" for name, value in flags.items()]
        return python("-m", "tsm_tf.training", *flags, *more, **{"PYTHONPATH": path, **variables})

    def train(output, **variables):
        done = start(output, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout, load_newest(output)

    for flag in ("accumulate=2", "profile", "teacher=nowhere", "strategy=tpu"):
        error = start(tmp_path / "one", f"--{flag}").stderr
        assert error.startswith(f"error: `{flag.partition('=')[0]}`") and error.count("\n") == 1, (
            error
        )
    _, one = train(tmp_path / "one")
    _, two = train(tmp_path / "two", **TWO_DEVICES)
    stopped = tmp_path / "stopped" / STATES
    stopped.mkdir(parents=True)
    for file in (
        "run.json",
        next((tmp_path / "one" / STATES).glob("00000-0000001-*")).relative_to(tmp_path / "one"),
    ):
        (tmp_path / "stopped" / file).write_bytes((tmp_path / "one" / file).read_bytes())
    text, resumed = train(tmp_path / "stopped")
    assert "resuming: epoch 1, step 2" in text
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array, err_msg=name)
        if name.startswith("weight"):
            np.testing.assert_allclose(two.arrays[name], array, rtol=1e-5, atol=1e-5, err_msg=name)
    for name in ("loss", "val_loss", "val_accuracy"):
        assert two.history[0][name] == pytest.approx(one.history[0][name], abs=1e-5)


if __name__ == "__main__":
    fit(pathlib.Path(sys.argv[1]))
