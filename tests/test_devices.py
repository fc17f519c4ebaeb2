"""Real processes and logical devices train together what one process trains alone.

Tests of `tsm_tf.devices` and `tsm_tf.training.distributed`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.backend.tensorflow import trainer
from testing import refuses
from videos import write_data
from writing import write_shards

from tsm_tf.data.epoch_order import Share
from tsm_tf.devices import Devices, pick_devices
from tsm_tf.errors import InputError
from tsm_tf.training.run_folder.state import load_newest

RECIPE = {
    "backbone": "resnet18",
    "epochs": 1,
    "batch_size": 8,
    "num_segments": 2,
    "input_size": 32,
    "dropout": 0.0,
    "optimizer": "sgd",
    "schedule": "step",
    "learning_rate": 0.01,
    "clip_norm": 1.0,
    "drop_last": True,
}
WORKER = """
import json, sys
import numpy as np
from tsm_tf.errors import InputError
from tsm_tf.training.run_folder.callbacks import Preempted
from tsm_tf.training.recipes import get_recipe
from tsm_tf.training.settings import Execution
from tsm_tf.training.train import train
data, output, dump, recipe, execution = sys.argv[1:]
recipe = get_recipe("gestures", **json.loads(recipe))
try:
    model = train(recipe, data, output, execution=Execution(**json.loads(execution)))
except InputError as error:
    sys.exit(f"error: {error}")
except Preempted:
    sys.exit()
np.savez(dump, *[v.numpy() for v in model.variables])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eighteen videos to train on: the last batch is dropped; three others: it is padded."""
    return write_data(tmp_path_factory.mktemp("data"), {"train": 18, "val": 3})


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """The state after the same steps of one process with the whole batch."""
    output = tmp_path_factory.mktemp("runs") / "alone"
    run(data, output, 1, strategy="none")
    return load_newest(output)


def by_tf_config(index, workers):
    """Environment that names the workers, on free ports of this machine."""
    cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
    return {"TF_CONFIG": json.dumps(cluster)}


def by_slurm(index, workers):
    """Environment that srun sets; the ports follow from the job."""
    variables = {"JOB_ID": os.getpid(), "PROCID": index, "STEP_NUM_TASKS": len(workers)}
    variables |= {"STEP_NODELIST": "localhost", "STEP_TASKS_PER_NODE": len(workers)}
    return {f"SLURM_{name}": str(value) for name, value in variables.items()}


def launch(data, output, count, recipe=RECIPE, before="", who=by_tf_config, **execution):
    """Starts the workers of a cluster on this machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    processes = []
    for index in range(count):
        dump = output.with_name(f"{output.name}_{index}.npz")
        command = [
            sys.executable,
            "-c",
            before + WORKER,
            data,
            output,
            dump,
            json.dumps(recipe),
            json.dumps(execution),
        ]
        process = subprocess.Popen(
            command,
            env={**os.environ, **who(index, workers)} if count > 1 else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
    return processes


def run(data, output, count, **options):
    """Returns each worker's weights after a training that has to succeed."""
    for process in launch(data, output, count, **options):
        _, error = process.communicate()
        assert process.returncode == 0, error
    dumps = [np.load(output.with_name(f"{output.name}_{index}.npz")) for index in range(count)]
    return [[dump[name] for name in dump.files] for dump in dumps]


def largest_difference(one, other):
    assert one.arrays.keys() == other.arrays.keys()
    names = [name for name in one.arrays if name.startswith("weight")]
    return max(np.abs(one.arrays[n].astype("float64") - other.arrays[n]).max() for n in names)


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_workers_train_as_one_process_would(data, alone, tmp_path, count):
    first, *others = run(
        data, tmp_path / "run", count, strategy="multi_worker", sync_batch_norm=True
    )
    for weights in others:
        for one, other in zip(first, weights, strict=True):
            np.testing.assert_array_equal(one, other)
    found = load_newest(tmp_path / "run")
    assert largest_difference(found, alone) < 1e-5
    row, wanted = found.history[0], alone.history[0]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert row[name] == pytest.approx(wanted[name], abs=1e-4), name


@pytest.mark.slow
def test_workers_train_from_shards_as_one_process_would(data, tmp_path):
    shards = write_shards(data, tmp_path / "shards", num_shards=3)
    run(shards, tmp_path / "alone", 1, strategy="none", cache_mib=0)
    options = {"strategy": "multi_worker", "sync_batch_norm": True, "cache_mib": 0}
    run(shards, tmp_path / "run", 2, **options)
    assert largest_difference(load_newest(tmp_path / "run"), load_newest(tmp_path / "alone")) < 1e-5


@pytest.mark.slow
def test_workers_that_slurm_started(data, tmp_path):
    first, second = run(data, tmp_path / "run", 2, who=by_slurm)
    assert load_newest(tmp_path / "run").epoch == 1
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_mirrored_on_logical_devices(data, alone, tmp_path):
    code = (
        "import tensorflow as tf; cpu = tf.config.list_physical_devices('CPU')[0];"
        "half = tf.config.LogicalDeviceConfiguration();"
        "tf.config.set_logical_device_configuration(cpu, [half] * 2)"
    )
    run(data, tmp_path / "run", 1, before=code, strategy="mirrored", sync_batch_norm=True)
    assert largest_difference(load_newest(tmp_path / "run"), alone) < 1e-5


@pytest.mark.slow
def test_one_of_two_dies(data, tmp_path):
    """The other stops soon, with one line; both together resume."""
    recipe = {**RECIPE, "epochs": 40}
    options = {"strategy": "multi_worker", "checkpoint_steps": 1}
    survivor, victim = launch(data, tmp_path / "run", 2, recipe, **options)
    while not (tmp_path / "run" / "log.csv").is_file():
        assert survivor.poll() is None, survivor.communicate()
        time.sleep(0.1)
    victim.kill()
    died = time.monotonic()
    _, error = survivor.communicate(timeout=120)
    victim.communicate()
    assert time.monotonic() - died < 60
    assert survivor.returncode == 1 and "`strategy` lost a worker" in error, error
    newest = load_newest(tmp_path / "run")
    assert newest.epoch >= 1
    processes = launch(data, tmp_path / "run", 2, recipe, **options)
    first = processes[0].stdout
    assert any("resuming: epoch" in line for line in first)
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_sigterm_to_one_of_two_stops_both(data, tmp_path):
    """In epochs too short to agree within them; both resume to the same bits."""
    recipe, options = {**RECIPE, "epochs": 8}, {"strategy": "multi_worker"}
    whole = run(data, tmp_path / "whole", 2, recipe=recipe, **options)
    processes = launch(data, tmp_path / "run", 2, recipe, **options)
    while not (tmp_path / "run" / "log.csv").is_file():
        assert processes[0].poll() is None, processes[0].communicate()
        time.sleep(0.1)
    processes[1].terminate()
    for process in processes:
        _, error = process.communicate(timeout=120)
        assert process.returncode == 0, error
    assert 1 <= load_newest(tmp_path / "run").epoch < 8
    for weights in run(data, tmp_path / "run", 2, recipe=recipe, **options):
        for one, other in zip(weights, whole[0], strict=True):
            np.testing.assert_array_equal(one, other)


def test_one_process_has_nothing_to_add_and_loses_nobody():
    values = np.arange(3, dtype=np.float32)
    assert Devices().sum(values) is values
    error = tf.errors.UnavailableError(None, None, "gone")
    assert Devices().lost_worker(error) is None
    two = Devices(share=Share(count=2))
    assert two.lost_worker(tf.errors.InvalidArgumentError(None, None, "bad")) is None
    lost = two.lost_worker(error)
    assert isinstance(lost, InputError) and "lost a worker" in str(lost)


def test_keras_still_reduces_batches_to_build(monkeypatch):
    """Fails once Keras no longer reduces the workers' batches to build a model."""
    reduced = []
    strategy = types.SimpleNamespace(
        reduce=lambda kind, *_, **__: reduced.append(kind), scope=contextlib.nullcontext
    )
    batch = object.__new__(tf.distribute.DistributedValues)
    model = keras.Sequential([keras.Input((1,))])
    monkeypatch.setattr(type(model), "distribute_strategy", strategy)
    monkeypatch.setattr(model, "_distribute_strategy", strategy)
    monkeypatch.setattr(model, "_symbolic_build", lambda **_: None)
    model._maybe_symbolic_build(iterator=[(0, 1, iter([batch]))])
    assert reduced == ["MEAN"]


def test_keras_still_reduces_scalars_over_an_axis(monkeypatch):
    """Fails once Keras averages the scalars of several workers."""
    axes = []
    strategy = types.SimpleNamespace(reduce=lambda kind, value, axis=None: axes.append(axis))
    monkeypatch.setattr(trainer, "_collective_all_reduce_multi_worker", lambda _: True)
    trainer.reduce_per_replica(keras.ops.ones(()), strategy, "mean")
    assert axes == [0]


def test_missing_devices(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with refuses("strategy", "TF_CONFIG", "srun"):
        pick_devices("multi_worker")
    with refuses("strategy", "auto, mirrored", "'all'"):
        pick_devices("all")
    monkeypatch.delenv("TPU_NAME", raising=False)
    with refuses("strategy", "TPU_NAME", "provide a TPU Name"):
        pick_devices("tpu")
    monkeypatch.setenv("no_proxy", "*")
    for name in ("local", "grpc://127.0.0.1:1"):  # no metadata server; no answer
        monkeypatch.setenv("TPU_NAME", name)
        with refuses("strategy", "TPU_NAME"):
            pick_devices("tpu")
    monkeypatch.delenv("TPU_NAME")
    monkeypatch.setenv("TF_CONFIG", "{")
    with refuses("TF_CONFIG", "JSON"):
        pick_devices("auto")
    monkeypatch.delenv("TF_CONFIG")
    assert pick_devices("auto").strategy is None
