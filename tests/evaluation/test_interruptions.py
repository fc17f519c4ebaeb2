"""Real processes: an evaluation that is stopped in any way resumes to the same bits."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from videos import write_data
from weights import with_weights

from tsm_tf import ModelSpec, build_model, save_checkpoint

COMMAND = """
from tsm_tf.evaluation import unfinished
unfinished._SECONDS = 0.05
from tsm_tf.evaluation.__main__ import run_command
run_command()
"""
PART = ".unfinished.0.npz"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    data = write_data(tmp_path_factory.mktemp("data"), {"val": 60})
    checkpoint = tmp_path_factory.mktemp("checkpoint")
    spec = ModelSpec(num_classes=2, num_segments=8, input_size=32, width=0.35)
    save_checkpoint(with_weights(build_model(spec)), checkpoint)
    return [f"--checkpoint={checkpoint}", f"--data={data}", "--protocol=kinetics_accurate"]


def start(arguments, output):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments, f"--output={output}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def num_finished(path):
    try:
        with np.load(path) as arrays:
            return int(arrays["finished"].sum())
    except FileNotFoundError:
        return 0


@pytest.mark.slow
def test_stopped_in_three_ways(arguments, tmp_path):
    process = start(arguments, tmp_path / "whole")
    _, error = process.communicate()
    assert process.returncode == 0, error
    assert not (tmp_path / "whole" / PART).exists()

    output, before = tmp_path / "stopped", 0
    for number, code in ((signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start(arguments, output)
        while num_finished(output / PART) <= before:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(number)
        printed, error = process.communicate()
        assert process.returncode == code, (printed, error)
        if before:
            assert f"resuming: {before} of 60 videos are evaluated" in printed
        if code != -9:
            assert "interrupted; run the same command again to resume" in printed
        assert os.listdir(output) == [PART]
        before = num_finished(output / PART)
    assert 3 <= before < 60

    process = start([*arguments, "--softmax"], output)
    _, error = process.communicate()
    assert process.returncode == 1 and "another protocol" in error, error

    process = start(arguments, output)
    printed, error = process.communicate()
    assert process.returncode == 0, error
    assert f"resuming: {before} of 60 videos are evaluated" in printed
    assert not (output / PART).exists()
    for name in ("scores.npz", "metrics.json", "scores.csv"):
        assert (output / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
