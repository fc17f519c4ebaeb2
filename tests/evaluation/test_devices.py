"""Logical devices, and real processes, evaluate what one device does."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, save_checkpoint
from tsm_tf.evaluation.evaluate import evaluate
from tsm_tf.evaluation.protocols import find_protocol
from tsm_tf.evaluation.scores import Scores

TWO_CPUS = """
import tensorflow as tf
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [half] * 2)
"""
WORKER = """
import sys
from tsm_tf.evaluation.evaluate import evaluate
from tsm_tf.evaluation.protocols import find_protocol
checkpoint, data, output, strategy = sys.argv[1:]
print(evaluate(checkpoint, data, output, "val", find_protocol("twice_2x3_full"), 4,
               strategy=strategy)["top1"])
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    spec = ModelSpec(num_classes=2, num_segments=2, input_size=32, width=0.35)
    save_checkpoint(with_weights(build_model(spec)), checkpoint)
    return checkpoint, write_data(tmp_path_factory.mktemp("data"), {"val": 5})


@pytest.fixture(scope="module")
def alone(folders, tmp_path_factory):
    """The scores of one device."""
    output = tmp_path_factory.mktemp("alone")
    evaluate(*folders, output, "val", find_protocol("twice_2x3_full"), 4, strategy="none")
    return Scores.load(output / "scores.npz")


def launch(folders, output, strategy, before="", **variables):
    return subprocess.Popen(
        [sys.executable, "-c", before + WORKER, *folders, output, strategy],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_devices_share_each_batch(folders, alone, tmp_path):
    process = launch(folders, tmp_path / "e", "mirrored", TWO_CPUS)
    _, error = process.communicate()
    assert process.returncode == 0, error
    scores = Scores.load(tmp_path / "e" / "scores.npz")
    np.testing.assert_allclose(scores.logits, alone.logits, atol=1e-5)
    assert scores.names == alone.names


@pytest.mark.slow
def test_two_processes_share_the_videos(folders, alone, tmp_path):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    workers = [f"127.0.0.1:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    processes = []
    for index in range(2):
        cluster = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        variables = {"TF_CONFIG": json.dumps(cluster)}
        processes.append(launch(folders, tmp_path / "e", "multi_worker", **variables))

    printed = []
    for process in processes:
        output, error = process.communicate(timeout=300)
        assert process.returncode == 0, error
        printed.append(output.splitlines())
    assert printed[0][-1] == printed[1][-1]
    assert any("5 of 5 videos evaluated" in line for line in printed[0])
    assert not any("videos evaluated" in line for line in printed[1])
    scores = Scores.load(tmp_path / "e" / "scores.npz")
    np.testing.assert_allclose(scores.logits, alone.logits, atol=1e-5)
    assert not list((tmp_path / "e").glob(".unfinished*"))
